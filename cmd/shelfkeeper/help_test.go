package main

import (
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	p := barePlace(t, nil)
	root := p.ok("", "--help").stdout
	for _, want := range []string{
		"Exit codes:\n  0  ok                                 6   vault\n", "  2  usage                              8   already running\n",
		"10  an account is offline (status)\n", "130 interrupted\n",
		"--control path", "--config path",
	} {
		if !strings.Contains(root, want) {
			t.Errorf("%q is not in\n%s", want, root)
		}
	}
	if strings.Contains(root, "keychain-op") || strings.Contains(root, "openid-return") {
		t.Errorf("the hidden command shows:\n%s", root)
	}
	for name, flags := range map[string][]string{
		"players": nil, "open": {"--scope", "--account", "--print"}, "page": {"--account", "--print"},
		"run": {"--no-page", "--no-tray"}, "logout": {"--account", "--forget"}, "reauth": {"--account"}, "quit": nil, "version": nil,
		"status":  {"--json", "--watch"},
		"history": {"--account", "--json"},
		"login": {"--username", "--password-stdin", "--api-key-stdin", "--token-stdin", "--oidc", "--no-browser", "--account", "--store",
			"--allow-http"},
		"demo": {"--release", "--access-ttl", "--rate", "--faults", "--listen", "--no-tray", "--for", "--server-only", "--json"},
	} {
		if !strings.Contains(root, "\n  "+name+" ") {
			t.Errorf("%s is not in\n%s", name, root)
		}
		help := p.ok("", name, "--help").stdout
		for _, flag := range append(flags, "--control", "--verbose") {
			if !strings.Contains(help, flag) {
				t.Errorf("%s is not in\n%s", flag, help)
			}
		}
	}
}

func TestCompletions(t *testing.T) {
	t.Parallel()
	p := barePlace(t, nil)
	for shell, want := range map[string]string{
		"bash": "__start_shelfkeeper", "zsh": "#compdef shelfkeeper", "fish": "complete -c shelfkeeper",
		"powershell": "Register-ArgumentCompleter -CommandName 'shelfkeeper'",
	} {
		if r := p.ok("", "completion", shell); !strings.Contains(r.stdout, want) {
			t.Errorf("%s: no %q in\n%.200s", shell, want, r.stdout)
		}
	}
	for _, c := range []struct{ typed, want string }{
		{"l", "login\tSign in to a server and keep the session"},
		{"", "status\tShow how every account is doing"},
	} {
		if r := p.ok("", "__complete", c.typed); !strings.Contains(r.stdout, c.want+"\n") || strings.Contains(r.stdout, "keychain-op") {
			t.Errorf("after %q:\n%s", c.typed, r.stdout)
		}
	}
}
