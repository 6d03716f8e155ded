package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

// away is a server that cannot be reached, until it is back. It then takes
// everything, and knows no progress yet.
type away struct {
	back  atomic.Bool
	asked atomic.Int64
	spent atomic.Int64 // nanoseconds in all of its answers; a busy machine shows in them

	mu    sync.Mutex
	times map[string]int64 // by item
}

// update is a batch's PATCH: a new progress is dated by the server.
func (a *away) update(body io.Reader) {
	var list []struct {
		LibraryItemID string
		LastUpdate    int64
	}
	_ = json.NewDecoder(body).Decode(&list)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range list {
		if _, known := a.times[one.LibraryItemID]; known {
			a.times[one.LibraryItemID] = one.LastUpdate
		} else {
			a.times[one.LibraryItemID] = time.Now().UnixMilli()
		}
	}
}

// me is the answer with the places.
func (a *away) me(w io.Writer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprint(w, `{"id":"u","settings":{"x":[1]},"mediaProgress":[`)
	n := 0
	for item, at := range a.times {
		if n++; n > 1 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `{"libraryItemId":%q,"episodeId":null,"lastUpdate":%d,"currentTime":0,"isFinished":true}`, item, at)
	}
	fmt.Fprint(w, `]}`)
}

func (a *away) RoundTrip(r *http.Request) (*http.Response, error) {
	if !a.back.Load() {
		return nil, errors.New("connection refused")
	}
	a.asked.Add(1)
	defer func(began time.Time) { a.spent.Add(int64(time.Since(began))) }(time.Now())
	w := httptest.NewRecorder()
	switch {
	case r.URL.Path == "/api/me":
		w.Header().Set("Content-Type", "application/json")
		a.me(w)
	case r.Method == http.MethodGet:
		http.Error(w, "Not Found", http.StatusNotFound)
		w.Body.Truncate(len("Not Found"))
	case strings.HasSuffix(r.URL.Path, "/local-all"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.WriteString(`{"results":[]}`)
	default:
		if strings.HasSuffix(r.URL.Path, "/batch/update") {
			a.update(r.Body)
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.WriteString("OK")
	}
	return w.Result(), nil
}
func (a *away) Token(context.Context) (redact.Secret, error) { return redact.New("t"), nil }
func (a *away) Suspect(context.Context, redact.Secret) (redact.Secret, error) {
	return redact.New("t"), nil
}

// outage returns a journal whose server is away.
func outage(t *testing.T, dir string) *Journal {
	t.Helper()
	j, _ := outageOf(t, dir)
	return j
}

func outageOf(t *testing.T, dir string) (*Journal, *away) {
	t.Helper()
	server := &away{times: make(map[string]int64)}
	j := New(Config{
		Dir: dir, UserID: "u", Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: server, Tokens: server,
		Identity: func() string { return "u" },
	})
	j.store.noSync = true
	j.Start()
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, server
}
