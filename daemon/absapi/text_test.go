package absapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

func (d plainDoer) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// What is not text never leaves: JSON would change it.
func TestSecretsThatAreNotText(t *testing.T) {
	asked := 0
	base, _ := url.Parse("http://abs.example")
	c := New(doerFunc(func(*http.Request) (*http.Response, error) { asked++; return nil, errors.New("asked") }), base)
	bad, good := redact.New("\xff"), redact.New("x")
	_, name := c.Login(t.Context(), "al\xffice", good)
	_, login := c.Login(t.Context(), "alice", bad)
	_, legacy := c.LoginLegacy(t.Context(), "alice", bad)
	_, old := c.ChangePassword(t.Context(), good, good, bad, good)
	_, changed := c.ChangePassword(t.Context(), good, good, good, bad)
	for _, err := range []error{name, login, legacy, old, changed} {
		if e := asError(t, err); e.Verdict != BadRequest || !e.Unwritten || !strings.Contains(e.Evidence, "not valid UTF-8") {
			t.Errorf("got %+v", e)
		}
	}
	if asked > 0 {
		t.Errorf("%d requests left", asked)
	}
}

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }
