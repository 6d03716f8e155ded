package dashboard

import (
	"bufio"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// A page hears of a change within moments, and of its own stream's end.
func TestEvents(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	w.get("/")
	r, err := http.NewRequest(http.MethodGet, w.server.origin+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				if name != want {
					t.Errorf("event %q, want %q", name, want)
				}
				return
			}
		}
		t.Fatal("the stream ended")
	}
	next("hello")
	for range 3 {
		d.set(func() { d.accounts[0].Level = health.Offline })
		next("changed")
	}
	if err := w.server.Close(); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
	}
}

// A port that is taken does not end the page: it comes up when it is free.
func TestTakenPort(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Skip("no IPv6 here:", err)
		}
		heard := make(chan error, 64)
		s := New(Config{Daemon: newDouble(), Port: l.Addr().(*net.TCPAddr).Port, OwnUID: os.Getuid(),
			Listening: func(err error) { heard <- err }})
		s.Start()
		var taken *portTaken
		if err := <-heard; !errors.As(err, &taken) {
			t.Errorf("%s taken: %v", at, err)
		}
		// While another program may answer there, nobody is sent there.
		link, err := s.Link("")
		if p := problem.Of(err); link != "" || p == nil || p.Code != problem.PortTaken || !strings.Contains(p.Remedy, "page_port") {
			t.Errorf("a link: %q, %v", link, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for open := false; !open; {
			select {
			case err := <-heard:
				open = err == nil
			case <-time.After(patience):
				t.Fatal("it does not come up")
			}
		}
		if _, err := s.Link(""); err != nil {
			t.Errorf("a link afterwards: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Each text is used, and each that is used is there.
func TestTexts(t *testing.T) {
	used := map[string]bool{}
	add := func(source string) {
		for _, m := range regexp.MustCompile(`"([a-z]+[a-z0-9.& -]*)"`).FindAllStringSubmatch(source, -1) {
			used[m[1]] = true
		}
	}
	err := fs.WalkDir(assets.Page, "page", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		content, err := assets.Page.ReadFile(path)
		for _, m := range regexp.MustCompile(`\bt "([^"]+)"`).FindAllStringSubmatch(string(content), -1) {
			if _, ok := texts()[m[1]]; !ok {
				t.Errorf("%s: no text %q", path, m[1])
			}
		}
		add(string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sources {
		if path == "texts.go" || strings.HasSuffix(path, "_test.go") {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		add(string(content))
		for _, m := range regexp.MustCompile(`\b(?:text|count)\("([^"]+[^."])"[,)]`).FindAllStringSubmatch(string(content), -1) {
			if _, ok := texts()[m[1]]; !ok {
				t.Errorf("%s: no text %q", path, m[1])
			}
		}
	}
	// Keys whose last part is a value.
	families := []string{"level.", "remedy.", "method.", "socket.", "vault.", "count.", "bytes.", "kind.", "scope.", "recipe.", "week.",
		"record.what.", "record.outcome.", "stream.", "set.", "gate.", "pause.", "fact.key.", "key."}
	for key := range texts() {
		if !used[key] && !slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) }) {
			t.Errorf("nothing says %q", key)
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.Local)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(time.Hour), "11:00"},
		{now.Add(-24 * time.Hour), "Wednesday, 10:00"},
		{now.AddDate(0, 0, 20), "16 December, 10:00"},
		{now.AddDate(1, 0, 0), "26 November 2027, 10:00"},
		{time.Time{}, ""},
	} {
		if got := when(c.at, now).Words; got != c.want {
			t.Errorf("%v: %q, want %q", c.at, got, c.want)
		}
	}
}

// What plays shows with its title, which the server is asked for once.
func TestStreams(t *testing.T) {
	a := someAccount()
	a.Proxy.Streams = []health.Stream{
		{Program: "mpv <x>", Kind: "item", ID: "li_1", File: "42", Bytes: 3_000_000, Rate: 48_000, Now: true},
		{Program: "kodi", Kind: "session", ID: "unknown", Bytes: 1},
	}
	d := newDouble(a)
	w := serve(t, d, nil)
	named := w.server.titles.named.Rung()
	w.get("/").has(t, "Playing now", "mpv &lt;x&gt;", "3.0 MB", "48.0 kB a second", "just over")
	for end := time.After(patience); ; {
		got := w.get("/")
		if strings.Contains(got.body, "The book &lt;li_1&gt;") {
			got.has(t, "a book or podcast") // the one without an answer
			break
		}
		select {
		case <-named:
			named = w.server.titles.named.Rung()
		case <-end:
			t.Fatal("no title", got.body)
		}
	}
	for range 3 {
		w.get("/")
	}
	if acts := d.done(); len(acts) != 2 {
		t.Errorf("asked for titles: %q", acts)
	}
	d.set(func() { d.accounts[0].Proxy.Streams = nil })
	w.get("/").has(t, "Nothing plays.")
}

// The log is shown as text, and a report is a file.
func TestLogAndReport(t *testing.T) {
	w := serve(t, newDouble(someAccount()), nil)
	w.get("/record").has(t, `href="/record/log"`, `href="/record/report"`)
	w.get("/record/log").has(t, "msg=&lt;b&gt; lines=200", `tabindex="0"`)
	got := w.get("/record/report")
	if got.body != "a report" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment; filename=\"shelfkeeper-report-") ||
		got.header.Get("Content-Type") != "text/plain; charset=utf-8" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", got.header, got.body)
	}
}
