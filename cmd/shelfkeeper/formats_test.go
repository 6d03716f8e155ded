package main

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
)

// stateOf makes a home with what a former version left; .ci/fixture has made it, with
// its identity sealed so that the passphrase is guessed in a moment.
func stateOf(t *testing.T, version string) *place {
	t.Helper()
	p := barePlace(t, []string{"SHELFKEEPER_PASSPHRASE=passphrase"})
	from := filepath.Join("testdata", "state", version)
	if err := os.MkdirAll(p.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(p.state(), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(p.state(), func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	if err != nil {
		t.Fatal(err)
	}
	// Its port may be taken here.
	port := strconv.Itoa(p.port)
	p.write(p.state("accounts.json"), strings.Replace(p.read(p.state("accounts.json")), "13902", port, 1))
	written := p.read(p.state("config.toml"))
	ours := strings.TrimSpace(p.read(p.configPath()))
	p.config(strings.Replace(written, "listen = 13902", ours, 1))
	if err := os.Remove(p.state("config.toml")); err != nil {
		t.Fatal(err)
	}
	// A program that came two weeks ago is forgotten: these came now.
	came := p.state("visitors", "home.json")
	if _, err := os.Stat(came); err == nil {
		now := `"last":"` + time.Now().UTC().Format(time.RFC3339) + `"`
		p.write(came, regexp.MustCompile(`"last":"[^"]*"`).ReplaceAllString(p.read(came), now))
	}
	return p
}

// The state of former versions is read: accounts, vault, grants, history, and the
// reports of listening that wait.
func TestStateOfFormerVersionsIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version string
		grant   string
		waiting int
		renewed bool
		paused  bool // and the programs that came are kept
	}{
		{version: "first", grant: "login"}, // one grant an account; no history, no journal
		{version: "bolt", grant: "kitchen", waiting: 1, renewed: true},
		{version: "log", grant: "kitchen", waiting: 1, renewed: true},
		{version: "unversioned", grant: "kitchen", waiting: 1, renewed: true, paused: true}, // budget, programs and pauses name no version
	} {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			p := stateOf(t, c.version)
			if out := p.ok("", "config", "check"); out.stderr != "" {
				t.Errorf("config.toml: %s", out.stderr)
			}
			if out := p.ok("", "account", "list"); !strings.Contains(out.stdout, "http://127.0.0.1:13901") {
				t.Errorf("accounts: %s", out.stdout)
			}
			if out := p.ok("", "players", "list"); !strings.Contains(out.stdout, c.grant) {
				t.Errorf("grants: %s", out.stdout)
			}
			if out := p.ok("", "history"); strings.Contains(out.stdout, "renewed") != c.renewed {
				t.Errorf("history: %s", out.stdout)
			}
			p.daemon()
			p.until("its vault and its journal are read", func(a health.Account) bool {
				return a.Name == "home" && a.User == "demo" && a.Session.Generation >= 2 && a.Vault.Backend == "file" &&
					a.Progress.Waiting == c.waiting &&
					(a.Level == health.Paused) == c.paused && (len(a.Proxy.Visitors) > 0) == c.paused
			})
			p.ok("", "quit")
			// What it wrote is read again.
			p.ok("", "account", "list")
			p.ok("", "players", "list")
		})
	}
}

// A file of a newer version stays as it is, whatever is done, and what needs it says so.
func TestStateOfNewerVersionsIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, from, to string
		says                 []string // the command that says why; nil where no command of these does
	}{
		{"accounts", "accounts.json", `"version": 1`, `"version": 99`, []string{"account", "list"}},
		{"grants", "grants.json", `"version": 2`, `"version": 99`, []string{"players", "list"}},
		{"history", "history/home.json", `{"version":1,`, `{"version":99,`, []string{"history"}},
		{"journal", "progress/home/*.log", "", "", []string{"logs"}},
		{"vault", "vault/vault.json", `"version":1`, `"version":99`, []string{"reauth"}},
		{"vault's journal", "vault/journal.home.*", "shelfkeeper sealed 1\n", "shelfkeeper sealed 9\n", []string{"reauth"}},
		{"request budget", "budgets.json", `{"servers":`, `{"version":99,"servers":`, nil}, // no request is counted while no server answers
		{"pauses", "paused.json", "", `{"version":99,"accounts":[]}`, []string{"pause"}},
		{"programs that came", "visitors/home.json", "", `{"version":99,"programs":{}}`, []string{"logs"}},
		{"answers on emergency keys", "emergency-keys.json", "", `{"version":99,"accounts":[]}`, nil},
		{"settings", "settings.toml", "", "of_a_newer_version = 1\n", []string{"config", "check"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := stateOf(t, "log")
			path := p.state(filepath.FromSlash(c.file))
			if found, _ := filepath.Glob(path); len(found) == 1 {
				path = found[0]
			}
			newer := []byte(c.to)
			switch old, err := os.ReadFile(path); {
			case c.name == "journal":
				newer = newerJournal(t, old)
			case c.from != "":
				if newer = bytes.Replace(old, []byte(c.from), []byte(c.to), 1); err != nil || bytes.Equal(newer, old) {
					t.Fatalf("no %s in %s: %v", c.from, path, err)
				}
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, newer, 0o600); err != nil {
				t.Fatal(err)
			}
			untouched := func(after string) {
				t.Helper()
				if got := p.read(path); got != string(newer) {
					t.Errorf("after %s the file is\n%q, and was\n%q", after, got, newer)
				}
			}
			r := p.start("run", "--verbose")
			r.settled()
			p.run("", "reauth") // which opens what there is
			untouched("reauth")
			p.reports("book")
			untouched("a report of listening")
			commands := [][]string{{"status"}, {"account", "list"}, {"account", "rename", "home", "attic"}, {"players", "list"},
				{"players", "add", "garden"}, {"players", "revoke", "kitchen"}, {"history"}, {"progress", "list"}, {"reauth"}, {"pause"},
				{"quit"}}
			if c.says != nil {
				commands = append([][]string{c.says}, commands...)
			}
			for _, command := range commands {
				out := p.run("", command...)
				untouched("shelfkeeper " + strings.Join(command, " "))
				if said := out.stdout + out.stderr; c.says != nil && command[0] == c.says[0] && !strings.Contains(said, "newer") &&
					!strings.Contains(said, "unknown key") {
					t.Errorf("shelfkeeper %s: %s", strings.Join(command, " "), said)
				}
			}
		})
	}
}

// newerJournal is a journal of listening whose head says that a newer version wrote it:
// each line begins with the checksum and the length of its record.
func newerJournal(t *testing.T, old []byte) []byte {
	t.Helper()
	head, rest, _ := bytes.Cut(old, []byte("\n"))
	record := bytes.Replace(head[len("00000000 00000000 "):], []byte(`"version":1`), []byte(`"version":99`), 1)
	if bytes.Contains(head, record) {
		t.Fatalf("no version in %s", head)
	}
	sum := crc32.Checksum(record, crc32.MakeTable(crc32.Castagnoli))
	return append(fmt.Appendf(nil, "%08x %08x %s\n", sum, len(record), record), rest...)
}

// settled waits until the daemon answers, or has ended.
func (r *process) settled() {
	r.place.t.Helper()
	deadline, look := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer look.Stop()
	for control.Dial(r.place.socket()).Ping(r.place.t.Context()) != nil {
		select {
		case <-r.ended:
			return
		case <-look.C:
		case <-deadline:
			r.place.t.Fatal("the daemon neither answers nor ends")
		}
	}
}

// reports tells of a place in a book, as a player does. Nobody answers where the daemon
// has ended.
func (p *place) reports(item string) {
	p.t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/api/me/progress/%s", p.port, item)
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPatch, url, strings.NewReader(`{"currentTime":20}`))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		p.t.Error(err)
	}
	p.t.Logf("the report: %s", resp.Status)
}
