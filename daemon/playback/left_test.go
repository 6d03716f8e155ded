package playback

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// roundTrip answers requests.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What no daemon takes within half a minute is left for the next one: who heard what, to
// which place and when. Where that fails too, the user is told the place.
func TestWhatCannotBeReportedIsLeft(t *testing.T) {
	full := errors.New("the disk is full")
	for _, c := range []struct {
		desc  string
		heard time.Duration
		fails error
		left  bool
	}{
		{"something was heard", 4 * time.Second, nil, true},
		{"it cannot be kept", 4 * time.Second, full, true},
		{"nothing was heard", 0, nil, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := false
				s := &Server{Base: "http://127.0.0.1:1", client: http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
					if gone {
						return nil, errors.New("nobody listens")
					}
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"id":"s","userId":"u","libraryItemId":"i",
						"duration":100,"currentTime":10,"audioTracks":[{"contentUrl":"/x","duration":100}],"chapters":[],"displayTitle":"T"}`))}, nil
				})}}
				var left []Left
				s.Leave = func(l Left) error { left = append(left, l); return c.fails }
				in, err := s.Open(t.Context(), "i", "", "mpv")
				if err != nil {
					t.Fatal(err)
				}
				gone = true
				track := newTracker(in.Start, in.Tracks)
				for n := range c.heard/time.Second + 1 {
					track.position(0, 10+float64(n), time.Now())
					time.Sleep(time.Second)
				}
				last := time.Now().Add(-time.Second)
				time.Sleep(time.Hour) // paused
				began := time.Now()
				said := ""
				err = in.finish(t.Context(), track, func(text string) { said += text })
				if (err != nil) != (c.fails != nil) || c.fails != nil && !errors.Is(err, full) || time.Since(began) > lastReports+retryEvery {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				if !c.left {
					if len(left) != 0 {
						t.Errorf("%+v", left)
					}
					return
				}
				if len(left) != 1 {
					t.Fatalf("%+v", left)
				}
				l := left[0]
				if l.User != "u" || l.Place != 14 || l.Heard != c.heard || !l.HeardAt.Equal(last) {
					t.Errorf("%+v, want %v", l, last)
				}
				if !bytes.Equal(l.About["libraryItemId"], []byte(`"i"`)) || !bytes.Equal(l.About["duration"], []byte("100")) ||
					l.About["audioTracks"] != nil || l.About["currentTime"] != nil {
					t.Errorf("%s", l.About)
				}
				if c.fails == nil && !strings.Contains(said, "14s, is kept") || c.fails != nil && !strings.Contains(err.Error(), "14s") {
					t.Errorf("%q, %v", said, err)
				}
			})
		})
	}
}
