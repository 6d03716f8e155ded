package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
)

// answer is an answer of which the beginning of the body is kept.
type answer struct {
	Status int
	Header http.Header
	TLS    *tls.ConnectionState
	Body   []byte
	At     time.Time // in the middle between the request and its answer
	Origin absapi.Origin
	Stands absapi.Obstacle // in the way, if it is not Audiobookshelf's answer
}

// kept is how much of a body is read.
const kept = 4 << 10

// send asks for a path below the server's own, on a connection of its own, so
// that no answer is one of an earlier connection.
func (r *run) send(ctx context.Context, method, path string, header http.Header) (*answer, error) {
	path, query, _ := strings.Cut(path, "?")
	at := *r.Up.URL(path)
	at.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	begun := time.Now()
	resp, err := r.Up.Transport().RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{Status: resp.StatusCode, Header: resp.Header, TLS: resp.TLS, At: begun.Add(time.Since(begun) / 2)}
	a.Origin, a.Stands = absapi.Judge(path, resp)
	var body bytes.Buffer
	if _, err := io.CopyN(&body, resp.Body, kept); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	a.Body = body.Bytes()
	return a, nil
}

// announced is how long an answer to the head alone is awaited. A gateway that
// has a limit says so at once.
const announced = 4 * time.Second

// announce begins a request with a body of the given length, and sends none of
// it.
func (r *run) announce(ctx context.Context, path string, length int64) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, announced)
	defer cancel()
	never := silent{ctx.Done()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Up.URL(path).String(), never)
	if err != nil {
		return nil, err
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := r.Up.Transport().RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return &answer{Status: resp.StatusCode, Header: resp.Header}, nil
}

// silent is a body of which nothing ever comes.
type silent struct{ over <-chan struct{} }

func (s silent) Read([]byte) (int, error) {
	<-s.over
	return 0, io.ErrUnexpectedEOF
}
