package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// The file for a bug report, with and without a daemon: everything that helps, no
// secret, no name, and only for its user's eyes.
func TestReport(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	if out := p.ok("", "report").stdout; !strings.Contains(out, "there is no log yet") || !strings.Contains(out, "shelfkeeper "+version) {
		t.Errorf("before anything is there:\n%s", out)
	}
	p.config("log_level = \"debug\"\n[upstream]\nheaders = { \"X-Gate\" = \"canary-of-a-header\" }\nheaders_for = [\"" + s.url + "\"]\n")
	p.login(s)
	d := p.daemon()
	p.until("the session is fresh", fresh)
	for _, running := range []bool{true, false} {
		if !running {
			p.ok("", "quit")
			d.wait()
		}
		out := p.ok("", "report").stdout
		for _, want := range []string{"===== status.json", "===== history.json", "===== log.txt", "===== config.toml",
			"X-Gate", "runs as process",
			"sign-in", "modules:", "XDG_CURRENT_DESKTOP", "accounts.json"} {
			if !strings.Contains(out, want) {
				t.Errorf("running %v: %q is not in\n%s", running, want, out)
			}
		}
		if is := strings.Contains(out, `"level": "ok"`); is != running {
			t.Errorf("running %v: the state is there: %v", running, is)
		}
		for _, secret := range append(s.Ledger().AccessTokensOn("/"), password, "canary", "eyJ", "alice") {
			if strings.Contains(out, secret) {
				t.Errorf("running %v: %.20s is in\n%s", running, secret, out)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "report.zip")
	if out := p.ok("", "report", file).stdout; !strings.Contains(out, "config.toml") || !strings.Contains(out, "Look into it") {
		t.Errorf("%s", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if r.Close(); err != nil || strings.Contains(string(text), "canary") || strings.Contains(string(text), "alice") {
			t.Errorf("%s: %v\n%s", f.Name, err, text)
		}
	}
	if r := p.run("", "report", file); r.code != problem.Usage || !strings.Contains(r.stderr, "  → name a file that does not exist yet") {
		t.Errorf("over a file: exit code %d\n%s", r.code, r.stderr)
	}
	if r := p.run("", "report", "a", "b"); r.code != problem.Usage {
		t.Errorf("two files: exit code %d\n%s", r.code, r.stderr)
	}
}
