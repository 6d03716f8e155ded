package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// pageBrowser is a browser of the user without scripts.
type pageBrowser struct {
	t      *testing.T
	origin string
	client *http.Client
	csrf   string
}

func (p *place) browser(t *testing.T) *pageBrowser {
	t.Helper()
	// The page opens a moment after its address was printed.
	for late := time.Now().Add(patience); p.run("", "page", "--print").code != problem.OK; {
		if time.Now().After(late) {
			t.Fatal("the page does not open")
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &pageBrowser{t: t, origin: fmt.Sprintf("http://localhost:%d", p.page),
		client: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
}

var csrfInput = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (b *pageBrowser) read(resp *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if m := csrfInput.FindSubmatch(body); m != nil {
		b.csrf = string(m[1])
	}
	return string(body)
}

func (b *pageBrowser) get(path string) string {
	b.t.Helper()
	return b.read(b.client.Get(b.origin + path))
}

func (b *pageBrowser) post(path string, fields ...string) string {
	b.t.Helper()
	form := url.Values{"csrf": {b.csrf}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, b.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.origin)
	return b.read(b.client.Do(r))
}

// A person without a terminal signs in with a sealed file as the vault, and opens
// it again after the next start.
func TestPageOpensTheVault(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{})
	p := barePlace(t, nil) // nobody gives it a passphrase
	p.config(fmt.Sprintf("listen = %d\npage_port = %d\nstore = \"file\"\n", p.port, p.page))
	p.cheapVault()
	d := p.daemon()
	d.until(d.stdout, "open the status page")
	b := p.browser(t)
	if got := b.get("/"); !strings.Contains(got, "Sign in to Audiobookshelf") {
		t.Fatalf("without an account:\n%s", got)
	}
	if got := b.post("/sign-in/look", "server", s.url); !strings.Contains(got, `name="passphrase"`) {
		t.Fatalf("the forms:\n%s", got)
	}
	got := b.post("/sign-in", "server", s.url, "method", "password", "username", user, "password", password, "keep", "1",
		"passphrase", passphrase)
	if !strings.Contains(got, "You are signed in") {
		t.Fatalf("signing in:\n%s", got)
	}
	a := p.until("it is signed in", func(a health.Account) bool { return a.Session.State == "fresh" })
	p.ok("", "quit")
	d.wait()
	// The next start has no passphrase.
	d = p.daemon()
	d.until(d.stdout, "status page")
	p.until("it waits for the passphrase", func(a health.Account) bool { return a.Condition == health.VaultPassphrase.ID })
	path := "/accounts/" + a.Name
	b = p.browser(t)
	if got := b.get(path); !strings.Contains(got, path+"/unlock") {
		t.Errorf("no way to unlock:\n%s", got)
	}
	b.get(path + "/unlock")
	got = b.post(path+"/unlock", "passphrase", "another one")
	if !strings.Contains(got, `role="alert"`) || !strings.Contains(got, "passphrase") {
		t.Errorf("a wrong passphrase:\n%s", got)
	}
	if got := b.post(path+"/unlock", "passphrase", passphrase); !strings.Contains(got, "The session is renewed") {
		t.Errorf("the right one:\n%s", got)
	}
	p.until("it goes on", func(a health.Account) bool { return a.Level == health.OK && a.Session.State == "fresh" })

	// A setting holds at once: the daemon starts again, and the vault stays open.
	if got := b.post("/settings/set", "key", "store", "value", "os"); !strings.Contains(got, "Your config.toml says otherwise") {
		t.Errorf("what config.toml says:\n%s", got)
	}
	held := map[string]bool{}
	for _, value := range []string{"me/1", "me/2"} {
		if got := b.post("/settings/set", "key", "user_agent", "value", value); !strings.Contains(got, "Shelfkeeper starts again") {
			t.Fatalf("a setting:\n%s", got)
		}
		b.until("/settings", value)
		a := p.until("it goes on", func(a health.Account) bool { return a.Level == health.OK && a.Session.State != "" })
		held[a.Condition] = true
	}
	if held[health.VaultPassphrase.ID] {
		t.Error("the passphrase was lost")
	}
}

// until asks for a page until it says a text; the daemon may be starting again.
func (b *pageBrowser) until(path, text string) {
	b.t.Helper()
	var got string
	for late := time.Now().Add(patience); time.Now().Before(late); {
		resp, err := b.client.Get(b.origin + path)
		if err != nil {
			continue
		}
		if got = b.read(resp, nil); strings.Contains(got, text) {
			return
		}
	}
	b.t.Fatalf("%s does not say %q:\n%s", path, text, got)
}

// The page moves to another port when it is told to, and an address of a server
// that is not in order is not kept.
func TestPageMoves(t *testing.T) {
	t.Parallel()
	p := barePlace(t, nil)
	p.config(fmt.Sprintf("listen = %d\n", p.port))
	p.write(p.state("settings.toml"), fmt.Sprintf("page_port = %d\n", p.page)) // as the page wrote it once
	d := p.daemon()
	d.until(d.stdout, "status page")
	b, at := p.browser(t), freePort(t)
	b.get("/settings")
	if got := b.post("/settings/set", "key", "page_port", "value", fmt.Sprint(p.port)); !strings.Contains(got,
		"where players reach the first account") {
		t.Errorf("the players' port:\n%s", got)
	}
	if got := b.post("/settings/set", "key", "page_port", "value", fmt.Sprint(at)); !strings.Contains(got,
		fmt.Sprintf("http://localhost:%d/", at)) {
		t.Fatalf("another port:\n%s", got)
	}
	b.origin = fmt.Sprintf("http://localhost:%d", at)
	b.until("/settings", fmt.Sprintf(`Port of this page: <span class="is">%d</span>`, at))
}

// The command prints a link that works once, and says what is wrong where there is
// no page.
func TestPageCommand(t *testing.T) {
	t.Parallel()
	p := barePlace(t, nil)
	if r := p.run("", "page"); r.code != problem.Unreachable {
		t.Errorf("without a daemon: %d\n%s", r.code, r.stderr)
	}
	d := p.daemon()
	d.until(d.stdout, "status page")
	b := p.browser(t)
	link := strings.TrimSpace(p.ok("", "page", "--print").stdout)
	if !strings.HasPrefix(link, b.origin+"/enter?link=") {
		t.Fatalf("link %q", link)
	}
	path := strings.TrimPrefix(link, b.origin)
	if got := b.get(path); !strings.Contains(got, "Sign in to Audiobookshelf") {
		t.Errorf("the link:\n%s", got)
	}
	if got := b.get(path); !strings.Contains(got, "used already") {
		t.Errorf("the link a second time:\n%s", got)
	}
	p.ok("", "quit")
	d.wait()
	d = p.start("run", "--no-page")
	d.until(d.stdout, "\n")
	if r := p.run("", "page", "--print"); r.code != problem.Config || !strings.Contains(r.stderr, "without --no-page") {
		t.Errorf("switched off: %d\n%s", r.code, r.stderr)
	}
}
