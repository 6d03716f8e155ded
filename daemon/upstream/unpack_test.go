package upstream

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPackedAnswers(t *testing.T) {
	text := []byte(strings.Repeat(`{"id":"li_1","title":"Emma"},`, 4000))
	for _, c := range []struct {
		desc, asks, encoding string
		body                 []byte
		want                 string
		kept                 bool // the encoding stays
		fails                bool
	}{
		{"asked and packed", Packed, "gzip", zipped(t, text), string(text), false, false},
		{"asked, not packed", Packed, "", text, string(text), false, false},
		{"under its old name", Packed, "X-Gzip", zipped(t, text), string(text), false, false},
		{"two packets in one", Packed, "gzip", append(zipped(t, text[:1000]), zipped(t, text[1000:])...), string(text), false, false},
		{"nothing, packed", Packed, "gzip", zipped(t, nil), "", false, false},
		{"not asked for", "identity", "gzip", zipped(t, text), string(zipped(t, text)), true, false},
		{"another encoding", Packed, "br", []byte("br"), "br", true, false},
		{"says packed and is not", Packed, "gzip", text, "", false, true},
		{"an empty body", Packed, "gzip", nil, "", false, true},
		{"broken off", Packed, "gzip", zipped(t, text)[:200], "", false, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept-Encoding") != c.asks {
					t.Errorf("asks for %q", r.Header.Get("Accept-Encoding"))
				}
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				w.Header().Set("Etag", `"1"`)
				_, _ = w.Write(c.body)
			}))
			defer s.Close()
			u := open(t, Policy{Base: address(t, s.URL), ProxyURL: "direct"})
			r, err := http.NewRequest("GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", c.asks)
			resp, err := u.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if (err != nil) != c.fails || !c.fails && string(body) != c.want {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			if kept := resp.Header.Get("Content-Encoding") != ""; kept != c.kept {
				t.Errorf("encoding %q", resp.Header.Get("Content-Encoding"))
			}
		})
	}
}

// What grows a thousandfold is no answer of a server. It ends before it has cost much.
func TestBombs(t *testing.T) {
	bomb := zipped(t, make([]byte, 32<<20))
	twice := zipped(t, bomb)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		if r.URL.Path == "/twice" {
			_, _ = w.Write(twice)
			return
		}
		_, _ = w.Write(bomb)
	}))
	defer s.Close()
	u := open(t, Policy{Base: address(t, s.URL), ProxyURL: "direct"})
	for path, fails := range map[string]bool{"/": true, "/twice": false} {
		r, err := http.NewRequest("GET", s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", Packed)
		resp, err := u.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if n > freePacking+1<<20 || errors.Is(err, ErrBomb) != fails {
			t.Errorf("%s: %d bytes, %v", path, n, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(zipped(f, []byte("hello")))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add(append(zipped(f, []byte("a")), "rubbish"...))
	f.Fuzz(func(t *testing.T, body []byte) {
		resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Encoding": {"gzip"}}, Body: io.NopCloser(bytes.NewReader(body))}
		asked := &http.Request{Method: "GET", Header: http.Header{"Accept-Encoding": {Packed}}}
		unpack(resp, asked)
		got, err := io.ReadAll(resp.Body)
		if z, open := gzip.NewReader(bytes.NewReader(body)); open == nil {
			want, bad := io.ReadAll(z)
			if !bytes.Equal(got, want) || (err == nil) != (bad == nil) {
				t.Errorf("%d bytes, %v; want %d, %v", len(got), err, len(want), bad)
			}
		} else if err == nil {
			t.Errorf("%d bytes of no packet", len(got))
		}
		if _, again := resp.Body.Read(make([]byte, 1)); again == nil {
			t.Error("reads on after its end")
		}
	})
}
