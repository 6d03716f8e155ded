package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// exits is every exit code, each with what the user reads. Without a cause
// nothing may be said on stderr.
var exits = []struct {
	desc   string
	code   problem.Code
	given  func(*testing.T, *place) attempt
	cause  string // patterns, matched from the beginning of their line
	remedy string // "" where the cause says it all
}{
	{"version", problem.OK, command("version"), "", ""},
	{"version as a flag", problem.OK, command("--version"), "", ""},
	{"help", problem.OK, command("help"), "", ""},
	{"help of a command", problem.OK, command("login", "--help"), "", ""},

	{"unknown command", problem.Usage, command("lgoin"), `unknown command "lgoin"`,
		"did you mean `shelfkeeper login`? Otherwise see `shelfkeeper --help`"},
	{"nothing like a command", problem.Usage, command("frobnicate"), `unknown command "frobnicate"`, "see `shelfkeeper --help`"},
	{"unknown command below another", problem.Usage, command("account", "sett"), `unknown command "sett"`,
		"did you mean `shelfkeeper account set`?"},
	{"help about nothing", problem.Usage, command("help", "stauts"), `unknown command "stauts"`, "did you mean `shelfkeeper status`?"},
	{"more than a shell", problem.Usage, command("completion", "bash", "extra"), `bash takes no argument, got "extra"`,
		"see `shelfkeeper completion bash --help`"},
	{"-v is no daemon", problem.Usage, command("-v"), `no command was given`, "see `shelfkeeper --help`"},
	{"--full without --watch", problem.Usage, command("status", "--full"), `--full is for --watch`, "see `shelfkeeper status --help`"},
	{"config check of a slip", problem.Config, func(_ *testing.T, p *place) attempt {
		p.config("listne = 1\n")
		return attempt{args: []string{"config", "check"}}
	}, `.*config\.toml:1:1: listne: `, ""},
	{"unknown flag", problem.Usage, command("status", "--jsn"), `unknown flag --jsn`,
		"did you mean `--json`? Otherwise see `shelfkeeper status --help`"},
	{"unknown global flag", problem.Usage, command("--nope"), `unknown flag --nope`, "see `shelfkeeper --help`"},
	{"bad store", problem.Usage, command("login", "http://127.0.0.1:1", "--store", "cloud"), `--store is "cloud", not os or file`,
		"see `shelfkeeper login --help`"},
	{"missing address", problem.Usage, command("login"), `login needs the server's address`, "see `shelfkeeper login --help`"},
	{"two addresses", problem.Usage, command("login", "a", "b"), `login takes one argument, got 2`, "see `shelfkeeper login --help`"},
	{"argument to none", problem.Usage, command("logout", "now"), `logout takes no argument, got "now"`, "see `shelfkeeper logout --help`"},
	{"no terminal for the user", problem.Usage, command("login", "http://127.0.0.1:1", "--password-stdin"),
		`no terminal .* user name.*--username`, "see `shelfkeeper login --help`"},
	{"no terminal for the password", problem.Usage, command("login", "http://127.0.0.1:1", "-u", user),
		`no terminal .* password.*--password-stdin`, "see `shelfkeeper login --help`"},
	{"endless password", problem.Usage, func(*testing.T, *place) attempt {
		a := signIn("http://127.0.0.1:1")
		a.stdin = strings.Repeat("x", maxPassword+1)
		return a
	}, `the password on standard input is longer than 4096 bytes`, "see `shelfkeeper login --help`"},
	{"address with a password", problem.Usage, func(*testing.T, *place) attempt { return signIn("https://a:b@books.example.org") },
		`the address holds a user name or password`, "check the address"},
	{"address that is none", problem.Usage, func(*testing.T, *place) attempt { return signIn("gopher://books") },
		`the address must start with`, "check the address"},
	{"bad account name", problem.Usage, func(*testing.T, *place) attempt { return signIn("http://127.0.0.1:1", "--account", "../x") },
		`.*name`, "see `shelfkeeper login --help`"},
	{"unknown shell", problem.Usage, command("completion", "tcsh"), `no shell "tcsh"`, "see `shelfkeeper completion --help`"},
	{"no shell", problem.Usage, command("completion"), `completion needs a shell: bash, zsh, fish or powershell`,
		"see `shelfkeeper completion --help`"},
	{"bad release", problem.Usage, command("demo", "--release", "1.0"), `--release takes one of .*, not "1.0"`,
		"see `shelfkeeper demo --help`"},
	{"bad fault", problem.Usage, command("demo", "--faults", "cut"), `--faults: bad fault "cut": cut needs a size such as 1MB, or a time`,
		"see `shelfkeeper demo --help`"},
	{"bad rate", problem.Usage, command("demo", "--rate", "fast"), `--rate takes bytes per second such as 300k or 2M, not "fast"`,
		"see `shelfkeeper demo --help`"},

	{"address for everyone", problem.Usage, command("demo", "--listen", "0.0.0.0:0"), `.*only loopback addresses are served`,
		"choose another --listen"},

	{"half a config.toml", problem.Config, func(_ *testing.T, p *place) attempt {
		p.config("listen = 23456\nlog_level = \"inf")
		return attempt{args: []string{"run"}}
	}, `.*config\.toml:2:\d+: .*log_level`, ""},
	{"unknown key", problem.Config, func(_ *testing.T, p *place) attempt {
		p.config("[upstream]\nca-file = \"x\"\n")
		return attempt{args: []string{"run"}}
	}, `.*config\.toml:2:1: upstream\.ca-file: `, ""},
	{"config.toml that is not there", problem.Config, command("run", "--config", "/nowhere/config.toml"), `.*/nowhere/config.toml`,
		"give --config the path of a file that exists"},
	{"accounts of a newer version", problem.Config, func(t *testing.T, p *place) attempt {
		return untouched(t, p, p.state("accounts.json"), "{\"version\": 99, \"accounts\": [{\"shelf\": 1}]}\n", "run")
	}, `.*accounts\.json: written by a newer version`, "start the newer version; nothing was changed"},
	{"accounts of a newer version and a sign-in", problem.Config, func(t *testing.T, p *place) attempt {
		return untouched(t, p, p.state("accounts.json"), "{\"version\": 99}\n", signIn(newServer(t, absfake.Config{}).url).args...)
	}, `.*accounts\.json: written by a newer version`, "start the newer version; nothing was changed"},
	{"grants of a newer version", problem.Config, func(t *testing.T, p *place) attempt {
		return untouched(t, p, p.state("grants.json"), "{\"version\": 99}\n", "run")
	}, `.*newer version: .*grants\.json`, "start the newer version; nothing was changed"},
	{"request budget of a newer version", problem.Config, func(t *testing.T, p *place) attempt {
		a := untouched(t, p, p.state("budgets.json"), "{\"version\": 99, \"servers\": {}}\n", signIn(newServer(t, absfake.Config{}).url).args...)
		a.stdin = password
		return a
	}, `.*budgets\.json: written by a newer version`, "start the newer version; nothing was changed"},
	{"pauses of a newer version", problem.Config, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		return untouched(t, p, p.state("paused.json"), "{\"version\": 99, \"accounts\": []}\n", "pause")
	}, `.*paused\.json: written by a newer version`, "start the newer version; nothing was changed"},
	{"half an accounts.json", problem.Config, func(t *testing.T, p *place) attempt {
		return untouched(t, p, p.state("accounts.json"), "{\"version\": 1, \"acc", "logout")
	}, `.*accounts\.json: unreadable`, "repair the file, or move it away and sign in again; nothing was changed"},

	{"nobody there", problem.Unreachable, func(t *testing.T, _ *place) attempt {
		return signIn(fmt.Sprintf("http://127.0.0.1:%d", freePort(t)))
	}, `http://127\.0\.0\.1:\d+: .*refused`, "start the server, or correct the port"},
	{"a server that fails at the sign-in", problem.Unreachable, func(t *testing.T, _ *place) attempt {
		s := newServer(t, absfake.Config{})
		s.Inject(absfake.Fault{Kind: absfake.Answer, Status: 500, Path: "/login"})
		return signIn(s.url)
	}, `sign in: answered 500`, "start Audiobookshelf, or look at the gateway's log"},
	{"a firewall's page", problem.Unreachable, func(t *testing.T, _ *place) attempt {
		return signIn(newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintln(w, "<html>blocked</html>")
		}).URL)
	}, `http://127\.0\.0\.1:\d+: answered 403`, "let the gateway pass this machine"},
	{"demo's lifetime", problem.Usage, command("demo", "--access-ttl", "-5s"), `--access-ttl takes whole seconds`,
		"see `shelfkeeper demo --help`"},
	{"not Audiobookshelf", problem.Unreachable, func(t *testing.T, _ *place) attempt {
		return signIn(newRecorder(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "<html>It works!</html>") }).URL)
	}, `http://127\.0\.0\.1:\d+`, "check host, port and sub-folder"},
	{"not set up", problem.Unreachable, func(t *testing.T, _ *place) attempt {
		return signIn(newServer(t, absfake.Config{Uninitialised: true}).url)
	}, `http://127\.0\.0\.1:\d+ is an Audiobookshelf that was never set up`, "open it in a browser and create its first user"},
	{"status without a daemon", problem.Unreachable, command("status"), `Shelfkeeper is not running`, "start it: `shelfkeeper run`"},
	{"watch without a daemon", problem.Unreachable, command("status", "--watch", "--json"), `Shelfkeeper is not running`,
		"start it: `shelfkeeper run`"},
	{"quit without a daemon", problem.Unreachable, command("quit"), `Shelfkeeper is not running`, "start it: `shelfkeeper run`"},

	{"wrong password", problem.Rejected, func(t *testing.T, p *place) attempt {
		s := newServer(t, absfake.Config{})
		a := signIn(s.url)
		a.stdin = "no such heron\n"
		p.secrets = append(p.secrets, "no such heron")
		a.after = func() {
			if tries := s.Ledger().Logins(user); len(tries) != 1 || tries[0].OK {
				t.Errorf("the server counted %+v", tries)
			}
			if _, err := os.Stat(p.state("accounts.json")); err == nil {
				t.Error("an account was made of it")
			}
		}
		return a
	}, `the server refused this user name and password`, "check both; the server answers a disabled account in the same way"},
	{"disabled account", problem.Rejected, func(t *testing.T, _ *place) attempt {
		s := newServer(t, absfake.Config{})
		if err := s.SetDisabled(user, true); err != nil {
			t.Fatal(err)
		}
		return signIn(s.url)
	}, `the server refused this user name and password`, "check both; the server answers a disabled account in the same way"},

	{"no keychain", problem.Vault, func(t *testing.T, p *place) attempt {
		*p = *barePlace(t, nil)
		s := newServer(t, absfake.Config{})
		a := signIn(s.url, "--store", "os")
		a.after = func() {
			if n := len(s.Ledger().Logins(user)); n != 0 {
				t.Errorf("the password was sent %d times for a session that cannot be kept", n)
			}
		}
		return a
	}, `.*no keychain is available`, ".*--store file"},
	{"vault of a newer version", problem.Vault, func(t *testing.T, p *place) attempt {
		a := untouched(t, p, p.state("vault", "vault.json"), "{\"version\": 99, \"backend\": \"file\", \"shelf\": 1}\n",
			signIn(newServer(t, absfake.Config{}).url).args...)
		a.stdin = password
		return a
	}, `.*vault\.json.*written by a newer version`, "start the newer version; nothing was changed"},
	{"wrong passphrase", problem.Vault, func(t *testing.T, p *place) attempt {
		p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=not that one")
		return signIn(newServer(t, absfake.Config{}).url)
	}, `.*the vault's passphrase is wrong`, "set SHELFKEEPER_PASSPHRASE or"},
	{"no passphrase", problem.Vault, func(t *testing.T, p *place) attempt {
		p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=")
		return signIn(newServer(t, absfake.Config{}).url)
	}, `.*passphrase.* none in the environment, and no terminal`, "set SHELFKEEPER_PASSPHRASE or"},
	{"no passphrase for a new vault", problem.Vault, func(t *testing.T, p *place) attempt {
		p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=")
		if err := os.RemoveAll(p.state("vault")); err != nil {
			t.Fatal(err)
		}
		return signIn(newServer(t, absfake.Config{}).url, "--store", "file")
	}, `.*new vault needs a passphrase: none in the environment, and no terminal`, "choose one, and set SHELFKEEPER_PASSPHRASE to it"},
	{"another store than before", problem.Vault, func(t *testing.T, p *place) attempt {
		s := newServer(t, absfake.Config{})
		p.login(s)
		return signIn(s.url, "--store", "os")
	}, `open vault: the vault uses another backend: .* holds a vault with the backend "file"`, "leave out `--store`"},

	{"port of the command line taken", problem.PortTaken, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		port := freePort(t)
		taken(t, port)
		return attempt{args: []string{"run", "--listen", fmt.Sprintf("127.0.0.1:%d", port)}}
	}, `listen on 127\.0\.0\.1:\d+: the port is taken by ` + holder(), "choose another --listen"},
	{"configured port taken before the first sign-in", problem.PortTaken, func(t *testing.T, p *place) attempt {
		s := newServer(t, absfake.Config{})
		taken(t, p.port)
		a := signIn(s.url)
		a.after = func() {
			if n := len(s.Ledger().Entries()); n != 0 {
				t.Errorf("the server got %d requests", n)
			}
		}
		return a
	}, `listen on 127\.0\.0\.1:\d+: the port is taken by ` + holder(), "end that program, or change `listen` in "},
	{"port of another account", problem.PortTaken, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		other := p.port
		p.config(fmt.Sprintf("listen = %d\npage_port = %d\n", freePort(t), p.page))
		a := signIn(newServer(t, absfake.Config{}).url, "--account", "second")
		if r := p.run(a.stdin, a.args...); r.code != problem.OK {
			t.Fatal(r.stderr)
		}
		return attempt{args: []string{"account", "set", "second", "--port", fmt.Sprint(other)}}
	}, `the port \d+ belongs to the account `, "choose another --port; 0 finds a free one"},
	{"taken port for an account", problem.PortTaken, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		port := freePort(t)
		taken(t, port)
		return attempt{args: []string{"account", "set", "127-0-0-1-alice", "--port", fmt.Sprint(port)}}
	}, `listen on 127\.0\.0\.1:\d+: the port is taken by ` + holder(), "end that program, or choose another --port"},
	{"port of the page", problem.Usage, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		return attempt{args: []string{"account", "set", "127-0-0-1-alice", "--port", "13380"}}
	}, `13380 cannot be an account's port`, "choose another --port"},
	{"nothing to change", problem.Usage, command("account", "set", "home"),
		`set needs what to change: --port, --emergency-key, or a flag for the gateway`,
		"see `shelfkeeper account set --help`"},
	{"a key for no days", problem.Usage, command("account", "set", "home", "--emergency-key=0"),
		`--emergency-key is "0", not a number of days from 1 to 365`, "see `shelfkeeper account set --help`"},
	{"no key at a sign-in", problem.Usage, command("login", "abs.example", "--oidc", "--emergency-key=off"),
		`--emergency-key is "off", not a number of days from 1 to 365`, "see `shelfkeeper login --help`"},
	{"a key beside a password", problem.Usage, command("login", "abs.example", "--username", "alice", "--emergency-key"),
		`--emergency-key is for accounts that sign in with --oidc`, "see `shelfkeeper login --help`"},
	{"a key of an account with a password", problem.Usage, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		return attempt{args: []string{"account", "set", "127-0-0-1-alice", "--emergency-key"}}
	}, `an emergency key is for accounts that sign in through OpenID, and 127-0-0-1-alice does not`,
		"let Shelfkeeper keep the password: `shelfkeeper login`"},
	{"an account that is not here in config.toml", problem.Config, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		p.config(fmt.Sprintf("listen = %d\n[accounts.typo.upstream]\nproxy = \"direct\"\n", p.port))
		return attempt{args: []string{"run"}}
	}, `.*config\.toml:2:\d+: accounts\.typo: no account is called typo; there are: 127-0-0-1-alice`, "correct the name, or sign in"},
	{"a misspelt account in config.toml", problem.Config, func(t *testing.T, p *place) attempt {
		p.login(newServer(t, absfake.Config{}))
		p.config(fmt.Sprintf("listen = %d\n\n[accounts.127-0-0-1-alcie]\nlisten = 14000\n", p.port))
		return attempt{args: []string{"run"}}
	}, `.*config\.toml:3:\d+: accounts\.127-0-0-1-alcie: .*did you mean 127-0-0-1-alice\?`, "correct the name, or sign in"},
	{"one port for two accounts in config.toml", problem.Config, func(_ *testing.T, p *place) attempt {
		p.config("[accounts.a]\nlisten = 14000\n[accounts.b]\nlisten = 14000\n")
		return attempt{args: []string{"run"}}
	}, `.*config\.toml:4:\d+: accounts\.b\.listen: 14000 is the port of accounts\.a already`, ""},
	{"demo's port taken", problem.PortTaken, func(t *testing.T, p *place) attempt {
		taken(t, p.port)
		return attempt{args: []string{"demo", "--listen", fmt.Sprintf("127.0.0.1:%d", p.port)}}
	}, `listen on 127\.0\.0\.1:\d+: the port is taken by ` + holder(), "choose another --listen"},
	{"demo server's port taken", problem.PortTaken, func(t *testing.T, p *place) attempt {
		taken(t, p.port)
		return attempt{args: []string{"demo", "--server-only", "--listen", fmt.Sprintf("127.0.0.1:%d", p.port)}}
	}, `listen on 127\.0\.0\.1:\d+: another program has that port`, "choose another --listen"},

	{"running already", problem.Running, func(_ *testing.T, p *place) attempt {
		p.daemon()
		return attempt{args: []string{"run"}}
	}, `Shelfkeeper is running already`, "use it, or end it first: `shelfkeeper quit`"},
	{"running already, without a command", problem.Running, func(_ *testing.T, p *place) attempt {
		p.daemon()
		return attempt{}
	}, `Shelfkeeper is running already`, "use it, or end it first: `shelfkeeper quit`"},

	{"no account to sign out", problem.NeedsUser, command("logout"), `no account yet`, "run `shelfkeeper login URL`"},
	{"the password changed", problem.NeedsUser, func(t *testing.T, p *place) attempt {
		s := newServer(t, absfake.Config{})
		p.login(s)
		if err := s.SetPassword(user, "changed meanwhile"); err != nil {
			t.Fatal(err)
		}
		return attempt{args: []string{"reauth"}, after: func() {
			if n := len(s.Ledger().Logins(user)); n != 2 {
				t.Errorf("the password was sent %d times, not at the sign-in and once more", n)
			}
		}}
	}, `the server refused the stored password`, "run `shelfkeeper login` with the new password"},
}

func TestExitCodes(t *testing.T) {
	for _, c := range exits {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			a := c.given(t, p)
			r := p.run(a.stdin, a.args...)
			if r.code != c.code {
				t.Errorf("exit code %d, not %d", r.code, c.code)
			}
			if c.cause == "" {
				if r.stderr != "" || r.stdout == "" {
					t.Errorf("stderr %q, stdout %q", r.stderr, r.stdout)
				}
				return
			}
			want := `^(?:[^\n]+ …\n)?shelfkeeper: ` + c.cause + `.*\n`
			if c.remedy != "" {
				want += `  → ` + strings.TrimPrefix(regexp.QuoteMeta(c.remedy), `\.\*`) + `.*\n`
				if strings.HasPrefix(c.remedy, ".*") {
					want = strings.Replace(want, "  → ", "  → .*", 1)
				}
			}
			if !regexp.MustCompile(want + `$`).MatchString(r.stderr) {
				t.Errorf("stderr:\n%sdoes not match\n%s", r.stderr, want)
			}
			if a.after != nil {
				a.after()
			}
		})
	}
}
