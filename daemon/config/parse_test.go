package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		desc, text string
		line       int
		key, msg   string // msg is a part of the message
	}{
		{"half a value", "log_level = \"info\"\nlisten = ", 2, "listen", "expected value"},
		{"half a string", "store = \"os\"\n\n# more\nlog_level = \"inf", 4, "log_level", "unterminated"},
		{"half a key", "listen = 1\nlog_lev", 2, "", "expected '='"},
		{"a key and nothing else", "listen", 1, "listen", "expected '='"},
		{"half a header", "listen = 1\n[upstream", 2, "upstream", "']'"},
		{"half an inline table", "[upstream]\nheaders = {A = \"1\", B = ", 2, "upstream.headers", "not closed"},
		{"half a dotted key", "accounts.home.upstream.ca_file = \"", 1, "accounts.home.upstream.ca_file", "unterminated"},
		{"error lines behind the key", "[upstream]\nca_file = \"\"\"\nlisten = 3", 3, "upstream.ca_file", "not terminated"},
		{"two on a line", "listen = 1 store = \"os\"", 1, "listen", "expected newline"},
		{"not UTF-8", "\xff\xfe[\x00u\x00", 1, "", "invalid"},
		{"given twice", "listen = 1\nlisten = 2", 2, "listen", "already defined"},
		{"table given twice", "[upstream]\n[accounts.a]\n[upstream]\n", 3, "upstream", "already"},
		{"beyond 64 bits", "listen = 99999999999999999999", 1, "listen", "64-bit"},

		{"slip", "lisen = 1", 1, "lisen", "did you mean listen?"},
		{"slip in case", "Listen = 1", 1, "Listen", "did you mean listen?"},
		{"slip in a table", "[upstream]\nca_fil = \"x\"", 2, "upstream.ca_fil", "did you mean upstream.ca_file?"},
		{"slip of a table", "\n[upstraem.headers]\nA = \"1\"", 2, "upstraem.headers", "did you mean upstream.headers?"},
		{"port of an account that is none", "[accounts.home]\nlisten = 70000", 2, "accounts.home.listen", "70000 is no port"},
		{"port of an account in quotes", "[accounts.home]\nlisten = \"1\"", 2, "accounts.home.listen", "a whole number"},
		{"port of the page for an account", "[accounts.home]\nlisten = 13380", 2, "accounts.home.listen", "status page"},
		{"another page's port for an account", "page_port = 14000\n[accounts.home]\nlisten = 14000", 3, "accounts.home.listen",
			"status page"},
		{"one port twice", "[accounts.a]\nlisten = 14000\n[accounts.b]\nlisten = 14000", 4, "accounts.b.listen", "port of accounts.a"},
		{"slip below an account", "[accounts.home.upstream]\nprxy = \"x\"", 2, "accounts.home.upstream.prxy",
			"did you mean accounts.home.upstream.proxy?"},
		{"slip in an inline table", "upstream = {ca_file = \"x\", heders = {}}", 1, "upstream.heders", "did you mean upstream.headers?"},
		{"right key, wrong place", "ca_file = \"x\"", 1, "ca_file", "did you mean upstream.ca_file?"},
		{"a hyphen", "log-level = \"info\"", 1, "log-level", "did you mean log_level?"},
		{"nothing near", "xyzzy = 1", 1, "xyzzy", "known here: log_level, listen, page_port, listen_extra, listen_extra_http, " +
			"listen_extra_cert, listen_extra_key, extra_hosts, trusted_origins, " +
			"local_access, store, user_agent, notifications, icon_click, upstream, accounts"},
		{"nothing near in a table", "[upstream]\nqqqqqq = 1", 2, "upstream.qqqqqq",
			"known here: ca_file, proxy, headers, headers_for, addresses, trust_http"},
		{"nothing belongs there", "listen.port = 1", 1, "listen.port", "unknown key"},
		{"quoted", "\"a b\\n\" = 1", 1, `"a b\n"`, "unknown key"},
		{"the first of two", "[accounts.a]\nupstream.bad = 1\n[oops]\n", 2, "accounts.a.upstream.bad", "unknown key"},

		{"text for a number", "listen = \"13379\"", 1, "listen", "must be a whole number, not a text in quotes"},
		{"fraction", "listen = 1.5", 1, "listen", "not a number with a fraction"},
		{"number for text", "store = 1", 1, "store", "must be a text in quotes"},
		{"value for a table", "upstream = true", 1, "upstream", "must be a table, not true or false"},
		{"table for a value", "[listen]", 1, "listen", "must be a whole number, not a table"},
		{"list of tables", "[[accounts]]\n", 1, "accounts", "must be a table, not a list"},
		{"header not text", "[upstream.headers]\nA = 5", 2, "upstream.headers.A", "must be a text in quotes"},
		{"date", "log_level = 2020-01-01", 1, "log_level", "not a date"},
		{"address without scheme", "[upstream]\naddresses = [\"https://a\", \"abs.lan\"]", 2, "upstream.addresses", "not an address"},
		{"address with a password", "[accounts.a.upstream]\naddresses = [\"https://u:s3cret@a\"]", 2,
			"accounts.a.upstream.addresses", "without user name"},
		{"list", "[upstream]\nproxy = [\"a\"]", 2, "upstream.proxy", "not a list"},

		{"extra: everywhere", "listen_extra = [\"0.0.0.0\"]", 1, "listen_extra", "not 0.0.0.0"},
		{"extra: everywhere, IPv6", "listen_extra = [\"::\"]", 1, "listen_extra", "one other network"},
		{"extra: loopback", "listen_extra = [\"172.17.0.1\", \"127.0.0.2\"]", 1, "listen_extra", "127.0.0.2"},
		{"extra: with a port", "listen_extra = [\"172.17.0.1:80\"]", 1, "listen_extra", "no port"},
		{"extra without encryption: everywhere", "listen_extra_http = [\"0.0.0.0\"]", 1, "listen_extra_http", "not 0.0.0.0"},
		{"a certificate's path", "listen_extra_cert = \"c.pem\"", 1, "listen_extra_cert", "no whole path"},
		{"a key alone", "listen_extra_key = \"/k.pem\"", 1, "listen_extra_key", "listen_extra_cert, which is missing"},
		{"extra: a name", "listen_extra = [\"docker0\"]", 1, "listen_extra", "172.17.0.1"},
		{"extra: no list", "listen_extra = \"172.17.0.1\"", 1, "listen_extra", "must be a list"},
		{"extra: not text", "listen_extra = [5]", 1, "listen_extra", ""},
		{"host with a port", "extra_hosts = [\"host.docker.internal:80\"]", 1, "extra_hosts", "without a port"},
		{"host that is all", "extra_hosts = [\"*\"]", 1, "extra_hosts", "not a host"},
		{"host that is empty", "extra_hosts = [\"\"]", 1, "extra_hosts", "not a host"},
		{"origin of everybody", "trusted_origins = [\"null\"]", 1, "trusted_origins", "cannot be trusted"},
		{"origin with a path", "trusted_origins = [\"http://a.example/\"]", 1, "trusted_origins", "more than an origin"},
		{"origin that is a pattern", "trusted_origins = [\"http://*.example\"]", 1, "trusted_origins", "is no origin"},
		{"origin without a scheme", "trusted_origins = [\"tauri.localhost\"]", 1, "trusted_origins", "is no origin"},
		{"origin with the usual port", "trusted_origins = [\"http://a.example:80\"]", 1, "trusted_origins", "leave out"},
		{"port 0", "listen = 0", 1, "listen", "1 to 65535"},
		{"port too high", "listen = 65536", 1, "listen", "1 to 65535"},
		{"port negative", "listen = -1", 1, "listen", "1 to 65535"},
		{"port of the page", "listen = 13380", 1, "listen", "status page"},
		{"page: port 0", "page_port = 0", 1, "page_port", "1 to 65535"},
		{"page: port too high", "page_port = 65536", 1, "page_port", "1 to 65535"},
		{"page: the players' port", "page_port = 13379", 1, "page_port", "players"},
		{"page: a port that players were given", "page_port = 5000\nlisten = 5000", 1, "page_port", "players"},
		{"page: text", "page_port = \"13380\"", 1, "page_port", "whole number"},
		{"level", "log_level = \"loud\"", 1, "log_level", `is "loud", must be one of: debug, info, warn, error`},
		{"access", "local_access = \"all\"", 1, "local_access", "user, grant"},
		{"store", "\nstore = \"memory\"", 2, "store", "os, file"},
		{"a click", "icon_click = \"menu\"", 1, "icon_click", "page, audiobookshelf"},
		{"notifications as text", "notifications = \"no\"", 1, "notifications", "must be true or false"},
		{"agent empty", "user_agent = \" \"", 1, "user_agent", "one line"},
		{"agent with a line break", "user_agent = \"a\\r\\nb: c\"", 1, "user_agent", "one line"},
		{"proxy without scheme", "[upstream]\nproxy = \"proxy.lan:3128\"", 2, "upstream.proxy", "not an address"},
		{"proxy of a strange kind", "[upstream]\nproxy = \"ftp://h:1\"", 2, "upstream.proxy", "socks5"},
		{"proxy with a path", "[upstream]\nproxy = \"http://h:1/x\"", 2, "upstream.proxy", "host and port"},
		{"header name", "[upstream.headers]\n\"A B\" = \"x\"", 2, `upstream.headers."A B"`, "not a header"},
		{"header value", "[upstream.headers]\nA = \"x\\ny\"", 2, "upstream.headers.A", "line break"},
		{"header empty", "[upstream.headers]\nA = \"\"", 2, "upstream.headers.A", "empty"},
		{"header of ours", "[accounts.a.upstream.headers]\nauthorization = \"x\"", 2, "accounts.a.upstream.headers.authorization",
			"session"},
		{"the earliest value", "listen = 70000\nstore = \"x\"\nlog_level = \"y\"", 1, "listen", "65535"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			_, err := parse("config.toml", []byte(c.text))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.File != "config.toml" || e.Line != c.line || e.Column < 1 || e.Key != c.key || !strings.Contains(e.Msg, c.msg) {
				t.Errorf("got line %d, column %d, key %q, %q\nwant line %d, key %q, …%q…", e.Line, e.Column, e.Key, e.Msg, c.line,
					c.key, c.msg)
			}
		})
	}
}

func TestHeadersThatDifferByCase(t *testing.T) {
	_, err := parse("c", []byte("[upstream.headers]\nX-Gate = \"1\"\nx-gate = \"2\""))
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Msg, "twice") || e.Line < 2 {
		t.Errorf("got %v", err)
	}
}

// Whatever is wrong around a secret, the message does not repeat it.
func TestErrorsKeepSecrets(t *testing.T) {
	for _, text := range []string{
		"[upstream]\nproxy = \"http://bob:s3cret@h:1/x\"",
		"[upstream]\nproxy = \"bob:s3cret@\\u007f\"",
		"[upstream]\nproxy = s3cret",
		"[upstream.headers]\nA = s3cret",
		"[upstream.headers]\nA = \"s3cret",
		"[upstream.headers]\nA = \"s3cret\\n\"",
		"[upstream.headers]\nA = \"\"\"\nfirst\ns3cret=x",
		"[upstream.headers]\nA = \"x\"\ns3cret",
		"[upstream.headers]\nA = 1s3cret",
		"[upstream]\nheaders = {A = \"s3cret\", B = }",
	} {
		_, err := parse("c", []byte(text))
		if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "U+0073") {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func TestAccepted(t *testing.T) {
	text := `
log_level = "debug"
listen = 14000
local_access = "grant"
store = "file"
user_agent = "Books/1.0"

[upstream]
ca_file = "ca.pem"
proxy = "socks5://bob:s3cret@proxy.lan:1080"
headers = { "CF-Access-Client-Id" = "one", x-other = "two" }

[accounts.home.upstream]
proxy = ""
ca_file = "/etc/home.pem"

[accounts.home.upstream.headers]
X-Other = ""
X-Home = "three"

[accounts.work]
`
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, append([]byte("\xef\xbb\xbf"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.LogLevel != slog.LevelDebug || cfg.Listen != 14000 || cfg.LocalAccess != AccessGrant || cfg.Store != StoreFile ||
		cfg.UserAgent != "Books/1.0" {
		t.Errorf("got %+v", cfg)
	}
	general := Upstream{
		CAFile: filepath.Join(dir, "ca.pem"),
		Proxy:  redact.New("socks5://bob:s3cret@proxy.lan:1080"),
		Headers: map[string]redact.Secret{
			"Cf-Access-Client-Id": redact.New("one"), "X-Other": redact.New("two"),
		},
	}
	home := Upstream{
		CAFile:  "/etc/home.pem",
		Headers: map[string]redact.Secret{"Cf-Access-Client-Id": redact.New("one"), "X-Home": redact.New("three")},
	}
	if got := cfg.Upstream("home"); !reflect.DeepEqual(got, home) {
		t.Errorf("home: got %+v", got)
	}
	for _, name := range []string{"work", "unknown", ""} {
		got := cfg.Upstream(name)
		if !reflect.DeepEqual(got, general) {
			t.Errorf("%q: got %+v", name, got)
		}
		got.Headers["X-Changed"] = redact.New("by the caller")
	}
	if got := cfg.AccountNames(); !reflect.DeepEqual(got, []string{"home", "work"}) {
		t.Errorf("names %q", got)
	}
	if shown := fmt.Sprintf("%v %+v %#v", cfg, cfg.Upstream("work"), cfg); strings.Contains(shown, "s3cret") {
		t.Errorf("a secret shows: %s", shown)
	}
}

// Every key of the schema reaches a field, so that the schema and the
// document's fields cannot drift apart.
func TestSchemaMatchesDocument(t *testing.T) {
	samples := map[string]string{
		"log_level": `"info"`, "listen": "1", "page_port": "1", "local_access": `"user"`, "store": `"os"`, "user_agent": `"x"`,
		"notifications": "false", "icon_click": `"page"`,
		"listen_extra": `["172.17.0.1"]`, "extra_hosts": `["h"]`, "trusted_origins": `["app://h"]`,
		"listen_extra_http": `["172.17.0.1"]`, "listen_extra_cert": `"/c.pem"`, "listen_extra_key": "\"/k.pem\"\nlisten_extra_cert = \"/c.pem\"",
		"ca_file": `"x"`, "proxy": `"http://h:1"`, "*": `"x"`,
		"addresses": `["https://abs.example.org"]`, "trust_http": "true", "headers_for": `["https://abs.example.org"]`,
	}
	for _, s := range schema {
		key := strings.ReplaceAll(strings.Join(s.path, "."), "*", "x")
		cfg, err := parse("c", []byte(key+" = "+samples[s.path[len(s.path)-1]]))
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if s.path[0] == "listen_extra" && len(cfg.ListenExtra) != 1 || s.path[0] == "extra_hosts" && len(cfg.ExtraHosts) != 1 ||
			s.path[0] == "trusted_origins" && len(cfg.TrustedOrigins) != 1 {
			t.Errorf("%s: got %+v", key, cfg)
		}
		if s.path[0] == "accounts" && len(cfg.accounts) != 1 {
			t.Errorf("%s: got %+v", key, cfg)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"listen", "lisen", 1}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "listen = ", "[upstream.headers]\nA = \"x\"", "accounts.x.upstream = {proxy = \"http://h:1\"}", "[[a]]\nb = [1, {c = 2}]",
		"a.\"b\\u0000\".c = '''\n'''", "listn = 0x1F # c\r\n", "[accounts.\"\"]\nupstream.ca_file=\"\"\"a\\\n b\"\"\"", "\xff", "[a\n=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cfg, err := parse("config.toml", []byte(s))
		if err == nil {
			if cfg.Listen < 1 || cfg.Listen > 65535 || cfg.Listen == StatusPort || cfg.PagePort == cfg.Listen ||
				cfg.LocalAccess == "" || cfg.Store == "" {
				t.Errorf("invalid values pass: %+v", cfg)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("not an *Error: %v", err)
		}
		lines := strings.Count(s, "\n") + 1
		if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Msg == "" {
			t.Errorf("no place for %q: %+v", s, e)
		}
	})
}

// The account's list replaces the general one, and an empty one takes it back.
func TestAddresses(t *testing.T) {
	cfg, err := parse("c", []byte(`
[upstream]
addresses = ["http://192.168.1.5:13378/", "https://ABS.example.org/"]
trust_http = true
[accounts.work.upstream]
addresses = ["https://abs.work"]
trust_http = false
[accounts.one.upstream]
addresses = []
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"": "[http://192.168.1.5:13378 https://abs.example.org] true", "work": "[https://abs.work] false", "one": "[] true",
	} {
		u := cfg.Upstream(name)
		if got := fmt.Sprint(u.Addresses, u.TrustHTTP); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
