package proxytest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Answer is a response read to its end.
type Answer struct {
	*http.Response
	Text string
	Err  error // of reading the body
}

// Do sends a request as a player that keeps no connection.
func (w *World) Do(method, path string, header ...string) Answer {
	w.T.Helper()
	return w.Send(method, path, nil, header...)
}

func (w *World) Send(method, path string, body io.Reader, header ...string) Answer {
	w.T.Helper()
	r, err := http.NewRequest(method, "http://"+w.Addr+path, body)
	if err != nil {
		w.T.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return w.RoundTrip(r)
}

func (w *World) RoundTrip(r *http.Request) Answer {
	w.T.Helper()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return Answer{resp, string(b), err}
}

// rawDeadline is far beyond what any answer here takes.
const RawDeadline = time.Minute

// Raw sends bytes as they are and returns the answers that come, which are all
// read until the proxy closes.
func (w *World) Raw(request string) []Answer {
	w.T.Helper()
	nc, err := net.Dial("tcp", w.Addr)
	if err != nil {
		w.T.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(RawDeadline)); err != nil {
		w.T.Fatal(err)
	}
	if _, err := io.WriteString(nc, strings.ReplaceAll(request, "{host}", w.Addr)); err != nil {
		w.T.Fatal(err)
	}
	// No more will come: what is pipelined is answered, then it closes.
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		w.T.Fatal(err)
	}
	var all []Answer
	br := bufio.NewReader(nc)
	for {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && len(all) == 0 {
				w.T.Logf("raw: %v", err)
			}
			return all
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		all = append(all, Answer{resp, string(b), err})
		if err != nil {
			return all
		}
	}
}

func Text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

// ExpressNotFound answers as the server does where it has no route.
func ExpressNotFound(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(http.StatusNotFound)
	_, _ = fmt.Fprintf(rw, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n"+
		"<body>\n<pre>Cannot %s %s</pre>\n</body>\n</html>\n", r.Method, r.URL.Path)
}

// ExpressForbidden answers as the server does what the account may not do.
func ExpressForbidden(rw http.ResponseWriter, _ *http.Request) {
	h := rw.Header()
	h.Set("Connection", "close") // or Go's server reads the body first
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Etag", `W/"9-PatfYBLj4Um1qTm5zrukoLhNyPU"`)
	rw.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(rw, "Forbidden")
}
