package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
)

// answer is an answer of which the beginning of the body is kept.
type answer struct {
	Status int
	Header http.Header
	TLS    *tls.ConnectionState
	Proto  string
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
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: r.saw}))
	begun := time.Now()
	resp, err := r.Up.Transport().RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return readAnswer(path, resp, begun.Add(time.Since(begun)/2))
}

// ping asks the cheapest question. An error that HTTP/2 hides is looked for over
// HTTP/1.1: an alert that comes after the handshake, for one.
func (r *run) ping(ctx context.Context) (*answer, error) {
	a, err := r.get(ctx, "ping", nil)
	for range 3 {
		if err == nil || ofTLS(err) || r.base.Scheme != "https" || ctx.Err() != nil {
			break
		}
		if again := r.pingPlainly(ctx); again != nil && ofTLS(again) {
			err = again
		}
	}
	return a, err
}

// pingPlainly asks over HTTP/1.1.
func (r *run) pingPlainly(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Up.URL("ping").String(), nil)
	if err != nil {
		return err
	}
	way := r.Up.Private()
	defer way.Close()
	resp, err := way.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		err = errors.New("HTTP/1.1 was answered with " + resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

// saw keeps from which address of this machine the server is reached.
func (r *run) saw(c httptrace.GotConnInfo) {
	if at, err := netip.ParseAddrPort(c.Conn.LocalAddr().String()); err == nil {
		r.local = at.Addr().Unmap().WithZone("")
	}
}

// readAnswer judges an answer and keeps the beginning of its body.
func readAnswer(path string, resp *http.Response, at time.Time) (*answer, error) {
	defer resp.Body.Close()
	a := &answer{Status: resp.StatusCode, Header: resp.Header, TLS: resp.TLS, Proto: resp.Proto, At: at}
	a.Origin, a.Stands = absapi.Judge("/"+strings.TrimLeft(path, "/"), resp)
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
// it. nginx passes the head on over HTTP/1.1 alone, and programs written in Go, such as
// Caddy and Traefik, bring an early answer back over HTTP/2 alone.
func (r *run) announce(ctx context.Context, path string, length int64, multiplexed bool) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, announced)
	defer cancel()
	never := silent{ctx.Done()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Up.URL(path).String(), never)
	if err != nil {
		return nil, err
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", "application/octet-stream")
	do := r.Up.Transport().RoundTrip
	if !multiplexed {
		way := r.Up.Private()
		defer way.Close()
		do = way.Do
	}
	resp, err := do(req)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // whatever else went wrong at that moment
	}
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
