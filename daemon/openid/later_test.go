package openid

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

var errLimit = errors.New("no room now")

// waitsAt is a flow whose first session is kept and whose spare has to wait, and the
// page that the browser keeps open.
func waitsAt(t *testing.T, wait time.Duration, more ...error) (f *Flow, k *keeper, next, page string) {
	t.Helper()
	k = &keeper{begin: append([]error{nil, &Later{Wait: wait, Err: errLimit}}, more...)}
	f, callback := local(t, k)
	status, _, page, h := ask(t, get(t, callback+"?code=c&state=state-1"))
	_, next, waits := strings.Cut(h.Get("Refresh"), "; url=")
	if status != http.StatusOK || !waits {
		t.Fatalf("%d, refresh %q\n%s", status, h.Get("Refresh"), page)
	}
	return f, k, strings.TrimSuffix(callback, callbackPath) + next, page
}

// Where the server's limit leaves no room for one more spare, the browser's page stays
// and goes on by itself once there is.
func TestThePageWaitsForTheLimit(t *testing.T) {
	f, k, next, page := waitsAt(t, 90*time.Second, &Later{Wait: time.Second, Err: errLimit})
	p, _ := f.Progress()
	if p.Done || p.Later.IsZero() || p.Ticket == "" || p.Flow != nil || !strings.Contains(page, p.Later.Format("15:04")) {
		t.Errorf("%+v\n%s", p, page)
	}
	if _, to, _, h := ask(t, get(t, next)); to != "" || !strings.HasPrefix(h.Get("Refresh"), "1; ") {
		t.Errorf("looked at too early: sent to %q, refresh %q", to, h.Get("Refresh"))
	}
	if _, to, _, _ := ask(t, get(t, next)); to != "https://provider.test/4" {
		t.Errorf("sent on to %q", to)
	}
	callback := k.began[0]
	if _, _, page, _ := ask(t, get(t, callback+"?code=d&state=state-4")); !strings.Contains(page, "<h1>Signed in</h1>") {
		t.Error(page)
	}
	if p, _ := f.Progress(); !p.Done || p.Err != nil || p.Kept != 1 {
		t.Errorf("%+v", p)
	}
}

// Nobody but that page makes the flow go on, and the person may do without.
func TestTheWaitForTheLimitEnds(t *testing.T) {
	f, k, next, _ := waitsAt(t, time.Minute)
	guessed := next[:len(next)-1] + "x"
	for _, r := range []*http.Request{get(t, guessed), get(t, next+"/more"), get(t, next, "Sec-Fetch-Mode", "cors")} {
		if status, to, _, _ := ask(t, r); status < 400 || to != "" {
			t.Errorf("%s: %d to %q", r.URL.Path, status, to)
		}
	}
	before, changed := f.Progress()
	if len(k.began) != 2 || before.Done {
		t.Errorf("it went on: %+v, %q", before, k.began)
	}
	f.Skip("state-1")
	f.Skip(before.Ticket)
	<-changed
	if p, _ := f.Progress(); !p.Done || !errors.Is(p.Err, ErrSkipped) || p.Stage != Spare {
		t.Errorf("%+v", p)
	}
}

// A person who brings addresses by hand has no page that waits, and one that would
// have to wait for too long does not.
func TestNobodyWaitsInVain(t *testing.T) {
	k := &keeper{begin: []error{nil, &Later{Wait: time.Minute, Err: errLimit}}}
	byScheme(t, k, First, func(t *testing.T, f *Flow) {
		mustReturn(t, f, back(1, "a"))
		if p := now(f); !p.Done || !errors.Is(p.Err, errLimit) || p.Stage != Spare {
			t.Errorf("%+v", p)
		}
	})
	k = &keeper{begin: []error{nil, &Later{Wait: laterMost + time.Minute, Err: errLimit}}}
	f, callback := local(t, k)
	if _, _, page, h := ask(t, get(t, callback+"?code=c&state=state-1")); h.Get("Refresh") != "" ||
		!strings.Contains(page, "without a spare") {
		t.Errorf("refresh %q\n%s", h.Get("Refresh"), page)
	}
	if p, _ := f.Progress(); !p.Done || !errors.Is(p.Err, errLimit) {
		t.Errorf("%+v", p)
	}
}
