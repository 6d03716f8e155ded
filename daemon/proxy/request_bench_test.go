package proxy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

// promptTokens has one token at hand, as a session has for nearly all requests.
type promptTokens struct{ proxy.Tokens }

func (promptTokens) Ready() bool { return true }

func (promptTokens) TokenNow() (redact.Secret, bool) { return redact.New(proxytest.Access1), true }

// smallAnswer answers each request with the same item.
type smallAnswer struct{ body string }

func (a smallAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(a.body)),
		Header: http.Header{
			"Content-Type": {"application/json; charset=utf-8"}, "Etag": {`W/"7d0-x"`}, "Date": {"Fri, 27 Nov 2026 07:00:00 GMT"},
			"Content-Length": {"2000"}, "Content-Security-Policy": {"frame-ancestors 'self'"},
		},
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// nowhere is a player that forgets what it gets.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(int)             {}
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkRequest is what a small request costs here, without both of its connections.
func BenchmarkRequest(b *testing.B) {
	s, err := proxy.New(proxy.Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: smallAnswer{`{"id":"` + strings.Repeat("x", 1980) + `"}`},
		Tokens: promptTokens{&proxytest.Tokens{List: []string{proxytest.Access1}}}, Grants: &proxytest.Grants{},
		Identity: func() (string, []redact.Secret) { return "u1", []redact.Secret{redact.New(proxytest.Access1)} },
		OwnUID:   4711, Port: 13379, PeerOf: func(net.Conn) players.Peer { return players.Peer{UID: 4711, Known: true} },
	})
	if err != nil {
		b.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	ctx := s.ConnContext(b.Context(), near)
	target := &url.URL{Path: "/api/items/86a33fcc-28d2-4e3c-91af-000000000001"}
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithCancel(ctx)
		r := (&http.Request{
			Method: http.MethodGet, URL: target, RequestURI: target.Path, Host: "127.0.0.1:13379", Proto: "HTTP/1.1", ProtoMajor: 1,
			ProtoMinor: 1, Header: http.Header{"Accept": {"*/*"}, "User-Agent": {"bench"}}, Body: http.NoBody,
		}).WithContext(ctx)
		s.ServeHTTP(&nowhere{http.Header{}}, r)
		cancel()
	}
}
