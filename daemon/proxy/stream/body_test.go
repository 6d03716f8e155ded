package stream_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
)

func TestRanges(t *testing.T) {
	data := proxytest.Media(300 << 10)
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "audio/mpeg")
		rw.Header().Set("Etag", `W/"4b000-1"`)
		http.ServeContent(rw, r, "", modified, bytes.NewReader(data))
	})
	for _, c := range []struct {
		desc, method string
		header       []string
		status       int
		from, to     int
	}{
		{"whole", "GET", nil, 200, 0, len(data)},
		{"beginning", "GET", []string{"Range", "bytes=0-99"}, 206, 0, 100},
		{"from the middle", "GET", []string{"Range", "bytes=100000-"}, 206, 100000, len(data)},
		{"end", "GET", []string{"Range", "bytes=-100"}, 206, len(data) - 100, len(data)},
		{"If-Range with the date", "GET", []string{"Range", "bytes=0-9", "If-Range", modified.Format(http.TimeFormat)}, 206, 0, 10},
		{"If-Range with another date", "GET", []string{"Range", "bytes=0-9", "If-Range", "Thu, 01 Jan 1970 00:00:00 GMT"}, 200, 0, len(data)},
		{"not modified", "GET", []string{"If-None-Match", `W/"4b000-1"`}, 304, 0, 0},
		{"beyond the end", "GET", []string{"Range", "bytes=999999-"}, 416, -1, 0},
		{"HEAD", "HEAD", nil, 200, 0, len(data)},
		{"HEAD of a range", "HEAD", []string{"Range", "bytes=0-99"}, 206, 0, 100},
	} {
		t.Run(c.desc, func(t *testing.T) {
			a := w.Do(c.method, "/api/items/1/file/2", c.header...)
			if a.StatusCode != c.status || a.Err != nil {
				t.Fatalf("%s, %v", a.Status, a.Err)
			}
			if c.from < 0 {
				return
			}
			want := data[c.from:c.to]
			if c.status != 304 && a.ContentLength != int64(len(want)) {
				t.Errorf("length %d, want %d", a.ContentLength, len(want))
			}
			if c.method == "GET" && sha256.Sum256([]byte(a.Text)) != sha256.Sum256(want) {
				t.Error("the bytes differ")
			}
			if a.Header.Get("Etag") != `W/"4b000-1"` || c.status != 304 && a.Header.Get("Accept-Ranges") != "bytes" {
				t.Errorf("header %v", a.Header)
			}
		})
	}
}

// What the server has sent is with the player at once, in media of known and
// of unknown length.
func TestNothingIsBuffered(t *testing.T) {
	for _, length := range []string{"", "1000000"} {
		more := make(chan struct{})
		w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "audio/mpeg")
			if length != "" {
				rw.Header().Set("Content-Length", length)
			}
			rw.WriteHeader(200)
			for range 3 {
				_ = http.NewResponseController(rw).Flush()
				<-more
				_, _ = io.WriteString(rw, "piece")
			}
			_ = http.NewResponseController(rw).Flush()
			<-more
			panic(http.ErrAbortHandler)
		})
		resp, err := http.Get("http://" + w.Addr + "/api/items/1/file/2") // the head comes first
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			more <- struct{}{}
			if b := make([]byte, 5); true {
				if _, err := io.ReadFull(resp.Body, b); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal(err)
				}
			}
		}
		more <- struct{}{}
		_ = resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	}
}

// A body that breaks off never looks complete.
func TestCutBodiesAreNeverCleanEnds(t *testing.T) {
	for _, kind := range []string{"audio/mpeg", "application/json"} {
		for _, length := range []string{"", "1000000"} {
			w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", kind)
				if length != "" {
					rw.Header().Set("Content-Length", length)
				}
				_, _ = io.WriteString(rw, strings.Repeat("x", 100_000))
				_ = http.NewResponseController(rw).Flush()
				panic(http.ErrAbortHandler)
			})
			a := w.Do("GET", "/api/items/1/file/2")
			if a.StatusCode != 200 || a.Err == nil {
				t.Errorf("%s %s: %s ended with %v", kind, length, a.Status, a.Err)
			}
			if kind == "audio/mpeg" && len(a.Text) != 100_000 {
				t.Errorf("%d bytes came before the cut", len(a.Text))
			}
		}
	}
}

// The server gets an upload as the player sends it.
func TestUploadStreams(t *testing.T) {
	got := make(chan string)
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		b := make([]byte, 5)
		for {
			if _, err := io.ReadFull(r.Body, b); err != nil {
				close(got)
				return
			}
			got <- string(b)
		}
	})
	pr, pw := io.Pipe()
	done := make(chan proxytest.Answer)
	go func() { done <- w.Send("POST", "/api/session/local-all", pr) }()
	for _, piece := range []string{"first", "secon", "third"} {
		if _, err := io.WriteString(pw, piece); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != piece {
			t.Errorf("got %q", s)
		}
	}
	_ = pw.Close()
	if a := <-done; a.StatusCode != 200 {
		t.Error(a.Status)
	}
}

// When the player goes, the server is told.
func TestPlayerGone(t *testing.T) {
	gone := make(chan struct{})
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "audio/mpeg")
		_, _ = io.WriteString(rw, "x")
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+w.Addr+"/api/items/1/file/2", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = resp.Body.Close()
	<-gone
}

func TestManyAtOnce(t *testing.T) {
	data := proxytest.Media(1 << 20)
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/me") {
			proxytest.Text("application/json", proxytest.UserBody(proxytest.Legacy, proxytest.Others))(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "audio/mpeg")
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
	})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 4 {
				if a := w.Do("GET", "/api/items/1/file/2"); a.Text != string(data) {
					t.Errorf("stream: %s, %d bytes, %v", a.Status, len(a.Text), a.Err)
				}
				if a := w.Do("GET", "/api/me", "Authorization", "Bearer "+proxytest.Grant); a.Text != proxytest.UserBody(proxytest.Grant, "") {
					t.Errorf("json: %s %s", a.Status, a.Text)
				}
			}
		})
	}
	wg.Wait()
	st := w.Server.Stats()
	if st.Requests != 128 || st.Bytes < 64<<20 || st.Withheld != 0 {
		t.Errorf("%+v", st)
	}
}

// Close lets what runs come to its end, and ends it when it may wait no more.
func TestClose(t *testing.T) {
	for _, patient := range []bool{true, false} {
		begun, end := make(chan struct{}), make(chan struct{})
		w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "audio/mpeg")
			_, _ = io.WriteString(rw, "first")
			_ = http.NewResponseController(rw).Flush()
			close(begun)
			select {
			case <-end:
				_, _ = io.WriteString(rw, "last")
			case <-r.Context().Done():
			}
		})
		transport := &http.Transport{}
		r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/items/1/file/2", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r) // back as soon as the player has the head
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		ctx, cancel := context.WithCancel(context.Background())
		closed := make(chan error, 1)
		go func() { closed <- w.Server.Close(ctx) }()
		if patient {
			close(end)
		} else {
			cancel()
		}
		body, err := io.ReadAll(resp.Body)
		if patient && (string(body) != "firstlast" || err != nil) || !patient && err == nil {
			t.Errorf("patient %v: %q, %v", patient, body, err)
		}
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if w.Server.Stats().Active != 0 {
			t.Error("Close returned while a request ran")
		}
		if _, err := net.Dial("tcp", w.Addr); err == nil {
			t.Error("still listening")
		}
		cancel()
	}
}
