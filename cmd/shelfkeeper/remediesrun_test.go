package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// executed are the remedies that are commands, as texts print them, and the test that
// runs each against a daemon or server of its own, and finds the trouble gone. What
// stands in capitals, or is a verb of fmt, a person or the program fills in.
var executed = map[string]string{
	"shelfkeeper restart":                                               "TestRestart",
	"shelfkeeper uninstall --forget":                                    "TestUninstall",
	"shelfkeeper account set NAME --emergency-key":                      "TestEmergencyKeyAtTheTerminal",
	"shelfkeeper run":                                                   "TestFirstStepsAsPrinted",
	"shelfkeeper run --no-tray":                                         "TestFirstStepsAsPrinted",
	"shelfkeeper status":                                                "TestFirstStepsAsPrinted",
	"shelfkeeper login URL":                                             "TestFirstStepsAsPrinted",
	"shelfkeeper login %s":                                              "TestFirstStepsAsPrinted",
	"shelfkeeper login https://HOST":                                    "TestPinAsPrinted",
	"shelfkeeper login %s --username %s":                                "TestFirstStepsAsPrinted",
	"shelfkeeper login URL --store file":                                "TestFirstStepsAsPrinted",
	"shelfkeeper logs":                                                  "TestFirstStepsAsPrinted",
	"shelfkeeper quit":                                                  "TestFirstStepsAsPrinted",
	"shelfkeeper search WORDS":                                          "TestSearchAndURL",
	"shelfkeeper url WORDS":                                             "TestSearchAndURL",
	"shelfkeeper url --format feed WORDS":                               "TestSearchAndURL",
	"shelfkeeper doctor":                                                "TestDoctorCommand",
	"shelfkeeper pause":                                                 "TestPlayersAndPausesAsPrinted",
	"shelfkeeper resume":                                                "TestPlayersAndPausesAsPrinted",
	"shelfkeeper players add NAME":                                      "TestPlayersAndPausesAsPrinted",
	"shelfkeeper players add NAME --scope full":                         "TestPlayersAndPausesAsPrinted",
	"shelfkeeper players list":                                          "TestPlayersAndPausesAsPrinted",
	"shelfkeeper players revoke %q --account %s":                        "TestPlayersAndPausesAsPrinted",
	"shelfkeeper players trust NAME ":                                   "TestPlayersAndPausesAsPrinted",
	"shelfkeeper players trust NAME ORIGIN":                             "TestPlayersAndPausesAsPrinted",
	"shelfkeeper progress list":                                         "TestPlayersAndPausesAsPrinted",
	"shelfkeeper open":                                                  "TestPagesAsPrinted",
	"shelfkeeper open --print":                                          "TestPagesAsPrinted",
	"shelfkeeper open --scope admin":                                    "TestPagesAsPrinted",
	"shelfkeeper page":                                                  "TestPagesAsPrinted",
	"shelfkeeper page --print":                                          "TestPagesAsPrinted",
	"shelfkeeper login":                                                 "TestLoginsAsPrinted",
	"shelfkeeper reauth":                                                "TestLoginsAsPrinted",
	"shelfkeeper login %s --account %s":                                 "TestLoginsAsPrinted",
	"shelfkeeper logout":                                                "TestLoginsAsPrinted",
	"shelfkeeper logout --forget":                                       "TestPassphraseLost",
	"shelfkeeper logout --forget --account %s":                          "TestForgetOneOfTwo",
	"shelfkeeper reauth --same-server":                                  "TestReauthAsksWhoseServerItIs",
	"shelfkeeper login URL --oidc":                                      "TestOIDCOnlyAsPrinted",
	"shelfkeeper login %s --oidc":                                       "TestOIDCOnlyAsPrinted",
	"shelfkeeper account set %s --port 0":                               "TestPortsAsPrinted",
	"shelfkeeper account set NAME --port 0":                             "TestPortsAsPrinted",
	"shelfkeeper account set NAME --port N":                             "TestPortsAsPrinted",
	"shelfkeeper account set NAME --proxy direct":                       "TestProxiesAsPrinted",
	"shelfkeeper account set NAME --proxy URL":                          "TestProxiesAsPrinted",
	"shelfkeeper account set NAME --header HEADER":                      "TestGatewaysAsPrinted",
	"shelfkeeper account set NAME --header NAME":                        "TestGatewaysAsPrinted",
	"shelfkeeper account set NAME --pin %s":                             "TestCertificatesAsPrinted",
	"shelfkeeper account set NAME --ca FILE":                            "TestCertificatesAsPrinted",
	"shelfkeeper autostart":                                             "TestAutostartAsPrinted",
	"shelfkeeper autostart on":                                          "TestAutostartAsPrinted",
	"shelfkeeper autostart on --headless --passphrase-file FILE":        "TestHeadlessStartNamesThePassphrase",
	"shelfkeeper autostart off":                                         "TestAutostartAsPrinted",
	"shelfkeeper autostart status":                                      "TestAutostartAsPrinted",
	"shelfkeeper login URL --account NAME":                              "TestFirstStepsAsPrinted",
	"shelfkeeper account set NAME --gateway pangolin":                   "TestGatewaysAsPrinted",
	"shelfkeeper account set NAME --gateway cloudflare-access":          "TestGatewaysAsPrinted",
	"shelfkeeper account set NAME --gateway authelia --basic USER":      "TestGatewaysAsPrinted",
	"shelfkeeper account set NAME --basic USER --token-in-url":          "TestGatewaysAsPrinted",
	"shelfkeeper account set NAME --client-cert FILE --client-key FILE": "TestCertificatesAsPrinted",
}

// Every command that a text of the program tells a person to run is run by a test.
func TestEveryRemedyIsRun(t *testing.T) {
	found := map[string]bool{}
	for _, dir := range []string{"../../cmd/shelfkeeper", "../../daemon", "../../keychain", "../../tray"} {
		for at, text := range literals(t, dir) {
			for _, m := range quoted.FindAllStringSubmatch(text, -1) {
				line := strings.TrimSpace(m[1])
				found[line] = true
				if strings.HasPrefix(line, "--") || strings.HasSuffix(line, " --help") {
					continue // a part of a command; every help is printed by TestEveryHelpIsNarrowAndPlain
				}
				if executed[line] == "" && executed[line+" "] == "" {
					t.Errorf("%s: no test runs `%s`", at, line)
				}
			}
		}
	}
	tests := sources(t)
	for line, test := range executed {
		if !strings.Contains(tests, "\nfunc "+test+"(t *testing.T) {") {
			t.Errorf("`%s`: there is no %s", line, test)
		}
		if strings.Count(line, " ") > 1 && !found[strings.TrimSpace(line)] && !strings.Contains(tests, "`"+line) {
			t.Errorf("no text prints `%s` any more", line)
		}
	}
}

// sources are the texts of the tests here.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// printed finds the command in what was said, as a person copies it. fill is what
// they put in the place of words in capitals.
func (p *place) printed(said, begins string, fill ...string) []string {
	p.t.Helper()
	m := regexp.MustCompile("`shelfkeeper (" + regexp.QuoteMeta(begins) + "[^`]*)`").FindStringSubmatch(said)
	if m == nil {
		p.t.Fatalf("no `shelfkeeper %s…` in\n%s", begins, said)
	}
	args, err := words(strings.NewReplacer(fill...).Replace(m[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return args
}

// remedy is what status says to do about the one account.
func (p *place) remedy(what string, is func(health.Account) bool) string {
	p.t.Helper()
	p.until(what, is)
	return p.run("", "status").stdout
}

// From nothing to an account that is served, by what each failure says.
func TestFirstStepsAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password)
	said := p.run("", "status").stderr
	d := p.start(append(p.printed(said, "run"), "--no-tray")...)
	d.until(d.stdout, "\n")
	r := p.run("", "status")
	if r.code != problem.NeedsUser {
		t.Fatalf("exit code %d\n%s", r.code, r.stdout)
	}
	login := append(p.printed(r.stdout, "login URL", "URL", s.url),
		"--store", "file", "--account", "home", "--username", user, "--password-stdin")
	p.ok(password, login...)
	p.until("the account is served", fresh)
	if out := p.ok("", "logs").stdout; !strings.Contains(out, "signed in") {
		t.Errorf("logs:\n%s", out)
	}
	again := p.run("", "run")
	p.ok("", p.printed(again.stderr, "quit")...)
	if code := d.wait(); code != problem.OK {
		t.Errorf("the daemon ended with %d", code)
	}
}

// What a player is refused for, a pause and a taken name, ended by what is said.
func TestPlayersAndPausesAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.daemon()
	p.until("the session is fresh", fresh)
	p.ok("", "players", "add", "kodi")
	taken := p.run("", "players", "add", "kodi")
	p.ok("", p.printed(taken.stderr, "players revoke")...)
	p.ok("", "players", "add", "kodi")
	p.ok("", "players", "add", "script", "--scope", "full")
	p.ok("", "players", "trust", "kodi", "app://htpc")
	missing := p.run("", "players", "revoke", "nobody")
	if list := p.ok("", p.printed(missing.stderr, "players list")...).stdout; !strings.Contains(list, "kodi") {
		t.Errorf("the list:\n%s", list)
	}
	p.ok("", "pause")
	said := p.remedy("it is paused", func(a health.Account) bool { return a.Level == health.Paused })
	p.ok("", p.printed(said, "resume")...)
	p.until("it is served", func(a health.Account) bool { return a.Level == health.OK })
	if r := p.run("", "progress", "drop", "17"); r.code == problem.OK {
		t.Errorf("a report that is not there was dropped: %s", r.stdout)
	} else if strings.Contains(r.stderr, "progress list") {
		p.ok("", p.printed(r.stderr, "progress list")...)
	}
}

// Pages open in the browser, or are printed where there is none.
func TestPagesAsPrinted(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{Users: []absfake.User{{Name: user, Password: password, Type: "root"}}})
	p := newPlace(t)
	p.login(s)
	p.daemon()
	p.until("the session is fresh", fresh)
	for _, page := range []string{"open", "page"} {
		r := p.run("", page)
		if r.code == problem.OK {
			t.Fatalf("a browser was found: %s", r.stdout)
		}
		link := strings.TrimSpace(p.ok("", p.printed(r.stderr, page+" --print")...).stdout)
		if resp, _ := get(t, link); resp.StatusCode >= 400 {
			t.Errorf("%s: %s", link, resp.Status)
		}
	}
	said := p.ok("", "open", "--print").stderr
	link := strings.TrimSpace(p.ok("", append(p.printed(said, "open --scope admin"), "--print")...).stdout)
	if resp, _ := get(t, link); resp.StatusCode >= 400 {
		t.Errorf("%s: %s", link, resp.Status)
	}
}

// Sessions that only a person can bring back.
func TestLoginsAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.daemon()
	p.until("the session is fresh", fresh)
	if err := s.SetPassword(user, "changed"); err != nil {
		t.Fatal(err)
	}
	r := p.run("", "reauth")
	said := p.remedy("the user is needed", func(a health.Account) bool { return a.Level == health.NeedsUser })
	if r.code != problem.NeedsUser || !strings.Contains(r.stderr, "`shelfkeeper login`") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	p.ok("changed", append(p.printed(said, "login"), "--password-stdin")...)
	p.until("it is back", func(a health.Account) bool { return a.Level == health.OK })
	p.ok("", "reauth")

	other := newServer(t, absfake.Config{})
	r = p.run("", "login", other.url, "--account", "127-0-0-1-alice", "-u", user, "--password-stdin")
	if r.code != problem.Usage || !strings.Contains(r.stderr, "--replace") {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	p.ok(password, "login", other.url, "--account", "127-0-0-1-alice", "-u", user, "--password-stdin", "--replace")
	p.until("the other server is served", func(a health.Account) bool { return fresh(a) && a.Server == other.url })
	p.ok("", "logout")
	if r := p.run("", "status"); r.code != problem.NeedsUser || !strings.Contains(r.stdout, "no account yet") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}

// Starting at login, switched on and off.
func TestAutostartAsPrinted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("", "autostart", "on")
	if on := p.ok("", "autostart", "status").stdout; !strings.Contains(on, "starts at login, by") {
		t.Errorf("status:\n%s", on)
	}
	p.ok("", "autostart", "off")
	if off := p.ok("", "autostart", "status").stdout; !strings.Contains(off, "does not start at login") {
		t.Errorf("status:\n%s", off)
	}
	p.ok("", "autostart")
}

// A port that another program has, given up for a free one.
func TestPortsAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	taken(t, p.port)
	p.daemon()
	said := p.remedy("the port is missed", func(a health.Account) bool { return a.Condition == health.ProxyDown.ID })
	p.ok("", p.printed(said, "account set", "NAME", "127-0-0-1-alice")...)
	a := p.until("players are served", func(a health.Account) bool { return a.Level == health.OK })
	if resp, _ := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", a.Proxy.URL, resp.Status)
	}
}

// A server that takes no passwords: what the refusal says leads to the provider.
func TestOIDCOnlyAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newOIDCServer(t, absfake.Config{}, absfake.OpenID{Only: true}), newPlace(t)
	r := p.run(password, "login", s.url, "-u", user, "--password-stdin", "--store", "file")
	if r.code != problem.Rejected {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	in := p.start(append(p.printed(r.stderr, "login "+s.url+" --store file --oidc"), "--no-browser", "--no-spare")...)
	_, at, _ := browse(t, in.page(1))
	p.ok("", "openid-return", at)
	if code := in.wait(); code != problem.OK {
		t.Errorf("exit code %d\n%s", code, in.stderr.text())
	}
	p.ok("", "reauth")
}
