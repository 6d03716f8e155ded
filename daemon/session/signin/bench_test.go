package signin

import (
	"net/url"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// bench is a server and a vault in memory, with user "demo" signed in as the
// account "home".
type bench struct {
	*testing.T
	fake   *absfake.Server
	up     *upstream.Upstream
	vault  *keychain.Vault
	budget *budget.Budget
}

// withBench runs test in a bubble, on a server of cfg.
func withBench(t *testing.T, cfg absfake.Config, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &bench{T: t, budget: budget.New("")}
		var err error
		if cfg.Large == 0 {
			cfg.Large = 1 << 20
		}
		if r.fake, err = absfake.New(cfg); err != nil {
			t.Fatal(err)
		}
		listener := r.fake.Listen()
		served := make(chan error, 1)
		go func() { served <- r.fake.Serve(listener) }()
		base, _ := url.Parse("http://abs.test")
		if r.up, err = upstream.New(upstream.Policy{Base: base, Dial: listener.DialContext}); err != nil {
			t.Fatal(err)
		}
		if r.vault, err = keychain.Open(t.Context(), keychain.Options{Backend: keychain.Memory}); err != nil {
			t.Fatal(err)
		}
		defer func() {
			r.up.Close()
			if err := r.vault.Close(); err != nil {
				t.Error(err)
			}
			if err := r.fake.Close(); err != nil {
				t.Error(err)
			}
			<-served
		}()
		in, done := r.by(demo, r.vault, "home")
		if _, err := in.Do(r.Context()); err != nil {
			t.Fatal(err)
		}
		done()
		test(r)
	})
}

// accepted reports whether the server takes the token now.
func (r *bench) accepted(token redact.Secret) bool {
	conn := r.up.Private()
	defer conn.Close()
	_, err := absapi.New(conn, r.up.Base()).Me(r.Context(), token)
	return err == nil
}
