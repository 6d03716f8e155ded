package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
)

// jsonKeys are the keys of the objects that --json prints, beside "format", as
// docs/cli.md lists them. A key with ? is there where there is something to say.
var jsonKeys = []struct{ command, keys string }{
	{"a failure", "error"},
	{"restart", "version pid run at level page accounts tray? unlisted?"},
	{"login", "account server server_version user proxy_url grant? warnings"},
	{"status", "version pid run at level page accounts tray? unlisted?"},
	{"run", "version pid run at level page accounts tray? unlisted?"},
	{"account list", "accounts"},
	{"account show", "account headers? basic? client_cert? ca? pin? proxy? proxy_from? user_agent? from_config?"},
	{"account set", "account proxy_url? headers? basic? client_cert? ca? pin? proxy? proxy_from? user_agent? from_config?"},
	{"players add", "player account proxy_url scope secret for? fields? missing?"},
	{"players list", "players"},
	{"progress list", "reports"},
	{"search", "account proxy_url items more?"},
	{"url", "url item"},
	{"open", "url"},
	{"page", "url"},
	{"history", "version accounts"},
	{"logs", "time? level? text"},
	{"report", "report"},
	{"config path", "path exists state"},
	{"config show", "path settings"},
	{"autostart status", "on headless method path command current reason remedy"},
	{"version", "version commit changed? date go system"},
	{"every other", "done"},
}

// What a script reads is what is documented.
func TestJSONKeys(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password)
	said := map[string]string{"a failure": p.run("", "status", "--json").stdout}
	said["login"] = p.ok(password, "login", s.url, "-u", user, "--password-stdin", "--store", "file", "--account", "home", "--json").stdout
	d := p.start("run", "--no-tray", "--json")
	d.until(d.stdout, "\n")
	said["run"] = d.stdout.text()
	p.until("the session is fresh", fresh)
	for _, line := range []string{"status", "account list", "account show home", "account set home --user-agent x", "players add kodi",
		"players list",
		"progress list", "search lighthouse", "url lighthouse", "open --print", "page --print", "history", "logs", "report",
		"report " + filepath.Join(p.home, "r.zip"), "config path",
		"config show", "config check", "autostart status", "version", "pause", "resume", "reauth", "players trust kodi app://x",
		"players revoke kodi", "account rename home house", "logout", "quit"} {
		said[line] = p.ok("", append(strings.Fields(line), "--json")...).stdout
	}
	for line, text := range said {
		command, keys := "", ""
		for _, row := range jsonKeys {
			if line == row.command || strings.HasPrefix(line, row.command+" ") && !strings.Contains(line, ".zip") {
				command, keys = row.command, row.keys
			}
		}
		if command == "" {
			keys = "done"
		}
		for one := range strings.Lines(text) {
			var v map[string]json.RawMessage
			if err := json.Unmarshal([]byte(one), &v); err != nil || string(v["format"]) != "1" {
				t.Errorf("%s: %v\n%s", line, err, one)
				continue
			}
			delete(v, "format")
			for key := range strings.FieldsSeq(keys) {
				name, optional := strings.CutSuffix(key, "?")
				if _, there := v[name]; !there && !optional {
					t.Errorf("%s: no %s in\n%s", line, name, one)
				}
				delete(v, name)
			}
			if len(v) > 0 {
				t.Errorf("%s: %v are not documented", line, slices.Sorted(maps.Keys(v)))
			}
		}
	}
}
