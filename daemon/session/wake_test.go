package session

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// lateWake is a connection on which the machine wakes when an answer has come
// but is not known yet.
type lateWake struct {
	Conn
	wake func()
}

func (l lateWake) Do(req *http.Request) (*http.Response, error) {
	resp, err := l.Conn.Do(req)
	if err != nil || req.URL.Path != "/auth/refresh" {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	l.wake()
	return resp, err
}

// A wake-up gives up the connection of a renewal. What the attempt still has to
// ask, it asks on another.
func TestWakeBesideAnAnswer(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.s.Close()
		connect := r.s.Connect
		cfg := r.s.Config
		cfg.Connect = func() Conn { return lateWake{connect(), func() { r.s.Wake("link") }} }
		r.s = New(cfg)
		r.s.Start()
		time.Sleep(2 * time.Hour) // renewed, and the server's sessions are asked for
		r.mustToken()
		if r.record().SessionID == "" {
			t.Errorf("the session's id is not known\n%s", r.log)
		}
		r.must(r.fake.EndSessions("demo"))
		time.Sleep(2 * time.Hour) // lost, and signed in again
		r.mustToken()
		if got := r.snapshot(); got.PasswordLogins != 1 {
			t.Errorf("got %+v", got)
		}
	})
}
