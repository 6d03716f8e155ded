package control

import (
	"context"
	"strings"
	"testing"

	"shelfkeeper/daemon/problem"
)

// A change that a command asks for is one line, and one that cannot be too. Whoever
// only looks leaves no trace.
func TestWhatIsLogged(t *testing.T) {
	d := newDouble()
	d.signOut = func(context.Context, string) error { return problem.Newf(problem.Usage, "", "there are 2 accounts") }
	_, path, log := serve(t, d)
	c := Dial(path)
	for range 3 {
		_, err := c.Snapshot(t.Context())
		_, errPlayers := c.Players(t.Context(), "")
		_, errPage := c.PageLink(t.Context(), "")
		if err != nil || errPlayers != nil || errPage != nil || c.Ping(t.Context()) != nil {
			t.Fatal(err, errPlayers, errPage)
		}
	}
	if l := log.String(); l != "" {
		t.Errorf("looking is logged: %s", l)
	}
	if _, err := c.SetPort(t.Context(), "home", 14000); err != nil {
		t.Fatal(err)
	}
	_ = c.SignOut(t.Context(), "")
	if l := log.String(); strings.Count(l, "\n") != 2 || strings.Count(l, "done as asked: account set --port") != 1 ||
		strings.Count(l, "asked for, and not done: logout") != 1 || !strings.Contains(l, "there are 2 accounts") {
		t.Errorf("log: %s", l)
	}
}

// preparing is a daemon that looks at a sign-in before it.
type preparing struct {
	*double
	arrived SignInRequest
	token   bool
}

func (p *preparing) Prepare(_ context.Context, req SignInRequest, token bool) error {
	p.arrived, p.token = req, token
	return problem.Newf(problem.Vault, "unlock it", "the keychain is locked")
}

func TestPrepareCrosses(t *testing.T) {
	d := &preparing{double: newDouble()}
	_, path, log := serve(t, d)
	err := Dial(path).Prepare(t.Context(), SignInRequest{Server: "abs.example", Account: "home", Store: "os", AllowHTTP: true}, true)
	if p := problem.Of(err); p == nil || p.Code != problem.Vault || p.Remedy != "unlock it" || !d.token ||
		d.arrived.Server != "abs.example" || d.arrived.Store != "os" || !d.arrived.AllowHTTP || log.String() != "" {
		t.Errorf("%v, arrived %+v %t, log %s", err, d.arrived, d.token, log)
	}
}
