package proxy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"shelfkeeper/daemon/redact"
)

// chainServer is a server of which only the filter is used. It knows as many secrets as a
// session with seven spares.
func chainServer(t testing.TB) *Server {
	base, err := url.Parse("http://abs.example:13378/audiobookshelf")
	if err != nil {
		t.Fatal(err)
	}
	var known []redact.Secret
	part := base64.RawURLEncoding.EncodeToString
	for i := range 16 {
		claims := fmt.Sprintf(`{"userId":"86a33fcc-28d2-4e3c-91af-86a33fcc28d2","username":"root","jti":"%d","iat":1700000000}`, i)
		token := part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part([]byte(claims)) + "." + part(fmt.Appendf(nil, "%032d", i))
		known = append(known, redact.New(token))
	}
	return &Server{
		cfg: Config{Base: base, Identity: func() (string, []redact.Secret) { return "86a33fcc-28d2-4e3c-91af-86a33fcc28d2", known }},
		log: slog.New(slog.DiscardHandler),
	}
}

// listBody is a list as the server writes it.
func listBody(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"results":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"86a33fcc-28d2-4e3c-91af-%012d","ino":"%d","libraryId":"bench","path":"/audiobooks/Jane Austen/Emma %d",`+
			`"isFile":false,"mtimeMs":1700000000000,"mediaType":"book","media":{"metadata":{"title":"Emma, part %d","publishedYear":"1815",`+
			`"description":"<p>She said: \"Every eye…\".<br\/>\nIt was a delightful visit; perfect, in being much too short.</p>"},`+
			`"tags":[],"numTracks":%d,"duration":%d.905,"coverPath":"/metadata/items/%d/cover.jpg"},"numFiles":13,"size":1}`,
			i, 7340000+i, i, i, i%40, 30000+i%5000, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// through reads body through the filter, as copyBody does, and returns what comes out.
func through(t testing.TB, s *Server, c *call, kind string, body, piece []byte, out io.Writer) {
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body))}
	src, no := s.filter(c, resp, s.replaceFor(c.r.Context(), c.caller))
	if no != nil {
		t.Fatal(no)
	}
	for {
		n, err := src.Read(piece)
		_, _ = out.Write(piece[:n])
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkFilter measures all that a body passes on its way to a player.
func BenchmarkFilter(b *testing.B) {
	s, piece := chainServer(b), make([]byte, largePiece)
	for _, one := range []struct {
		name, path, kind string
		size             int
	}{
		{"list", "/api/libraries/bench/items", "application/json; charset=utf-8", 20 << 20},
		{"item", "/api/items/bench-small", "application/json; charset=utf-8", 2 << 10},
		{"me", "/api/me", "application/json; charset=utf-8", 1 << 20},
		{"feeds", "/api/feeds", "application/json; charset=utf-8", 1 << 20},
		{"feed", "/feed/x", "text/xml; charset=utf-8", 1 << 20},
		{"page", "/", "text/html; charset=utf-8", 1 << 20},
	} {
		body := listBody(one.size)
		c := &call{server: s, r: httptest.NewRequest(http.MethodGet, one.path, nil), path: one.path, host: "127.0.0.1:13379"}
		b.Run(one.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				through(b, s, c, one.kind, body, piece, io.Discard)
			}
		})
	}
}
