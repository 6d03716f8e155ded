package config

import (
	"strings"
	"testing"
)

// A table of an account that is not here is a slip, and says where it stands.
func TestAccountsThatAreNotHere(t *testing.T) {
	for _, c := range []struct {
		text, known, want string
	}{
		{"[accounts.home]\nlisten = 14000", "home nas", ""},
		{"listen = 14000", "home", ""},
		{"\n[accounts.hme]\nlisten = 14000", "home nas", "x.toml:2:2: accounts.hme: no account is called hme; did you mean home?"},
		{"[accounts.other.upstream]\nproxy = \"direct\"", "home nas",
			"x.toml:1:2: accounts.other: no account is called other; there are: home, nas"},
		{"[accounts.other]", "home", "x.toml:1:2: accounts.other: no account is called other; there are: home"},
		{"accounts.other.listen = 14000", "home", "x.toml:1:1: accounts.other: no account is called other; there are: home"},
		{"[accounts.b]\nlisten = 1\n[accounts.a]\nlisten = 2", "home", "x.toml:1:2: accounts.b: no account is called b; there are: home"},
	} {
		cfg, err := parse("x.toml", []byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		got := ""
		if err := cfg.CheckAccounts(strings.Fields(c.known)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestNoProxy(t *testing.T) {
	cfg, err := parse("x.toml", []byte("[upstream]\nproxy = \"http://proxy.lan:3128\"\n[accounts.home.upstream]\nproxy = \"direct\""))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Upstream("home").Proxy.Reveal(); got != "direct" {
		t.Errorf("home has %q", got)
	}
	if got := cfg.Upstream("nas").Proxy.Reveal(); got != "http://proxy.lan:3128" {
		t.Errorf("nas has %q", got)
	}
}
