package home

import (
	"testing"

	"shelfkeeper/daemon/absfake"
)

// A server that moved to another address is the same account, with its port and its
// players' access: the old address knows the session that the new one has begun.
func TestServerThatMoved(t *testing.T) {
	for _, c := range []struct {
		desc    string
		release absfake.Release
		to      string
		same    bool
	}{
		{"another port", absfake.R2360, "http://127.0.0.1:14000", true},
		{"another machine", absfake.R2360, "http://10.0.0.7:13378", true},
		{"a sub-folder's root", absfake.R2360, "http://10.0.0.7:80", true},
		{"a release that lists no sessions", absfake.R2263, "http://10.0.0.7:13378", false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			h := testHome(t, newFake(t, absfake.Config{Release: c.release}))
			old, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
			if err != nil {
				t.Fatal(err)
			}
			now, err := h.SignIn(t.Context(), demoSignIn(c.to))
			if err != nil {
				t.Fatal(err)
			}
			if same := now.Account == old.Account && now.ProxyURL == old.ProxyURL && now.Grant == "" && len(h.Book.All()) == 1; same != c.same {
				t.Errorf("before %+v\nafter  %+v", old, now)
			}
			if a, _ := h.Book.Get(now.Account); c.same && a.Server != c.to && a.Server+":80" != c.to {
				t.Errorf("its server is %s", a.Server)
			}
		})
	}
}

// Another server whose user has the name of an account's is another account.
func TestServerThatIsAnother(t *testing.T) {
	h, _, _ := twoServers(t)
	old, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:14000"))
	if err != nil || other.Account == old.Account || len(h.Grants.List(old.Account)) != 1 {
		t.Errorf("%+v %v", other, err)
	}
}
