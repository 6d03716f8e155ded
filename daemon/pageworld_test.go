package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/statuspage"
	"shelfkeeper/keychain"
)

// browserPatience bounds each step of a browser; on a busy machine it takes
// some seconds to start.
const browserPatience = 60 * time.Second

// pageWorld is a daemon with its status page, a server, and a browser of the
// user.
type pageWorld struct {
	t      *testing.T
	fake   *absfake.Server
	server string
	home   *home.Home
	daemon *Daemon
	page   string // the page's address, without a slash at its end

	mu    sync.Mutex
	shown []string // addresses that the page opened in the browser
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// newPageWorld starts a daemon without an account.
func newPageWorld(t *testing.T, c absfake.Config) *pageWorld {
	t.Helper()
	fake := newFake(t, c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Listen, cfg.PagePort = freePort(t), freePort(t)
	h, err := home.Open(home.Options{
		Version: "test", Config: cfg, Backend: keychain.Memory, Log: slog.New(slog.DiscardHandler),
		Paths: config.Paths{Config: filepath.Join(dir, "config.toml"), State: filepath.Join(dir, "state"),
			Runtime: filepath.Join(dir, "run")},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(h, "")
	if err != nil {
		t.Fatal(err)
	}
	w := &pageWorld{t: t, fake: fake, server: "http://" + l.Addr().String(), home: h, daemon: d,
		page: "http://localhost:" + strconv.Itoa(cfg.PagePort)}
	starts := func(context.Context) (bool, error) { return false, nil }
	d.ServePage(statuspage.Options{OwnUID: os.Getuid(), Starts: starts, Show: func(address string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.shown = append(w.shown, address)
		return nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ran, d.Close(), h.Close(), fake.Close()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, absfake.ErrClosed) {
			t.Error(err)
		}
	})
	w.until("the page is open", func(health.Snapshot) bool { return w.opened() > 0 })
	return w
}

func (w *pageWorld) opened() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.shown) }

// until waits for a state of the daemon.
func (w *pageWorld) until(what string, is func(health.Snapshot) bool) {
	w.t.Helper()
	late := time.After(browserPatience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is(w.daemon.Snapshot()) {
		select {
		case <-tick.C:
		case <-late:
			w.t.Fatalf("%s does not come about: %+v", what, w.daemon.Snapshot())
		}
	}
}

// signedIn is a world whose account demo is signed in, and shows that.
func signedInWorld(t *testing.T, c absfake.Config) *pageWorld {
	t.Helper()
	w := newPageWorld(t, c)
	if _, err := w.daemon.SignIn(t.Context(), demoSignIn(w.server)); err != nil {
		t.Fatal(err)
	}
	w.until("the session", func(s health.Snapshot) bool {
		return s.Level == health.OK && s.Accounts[0].Session.State == "fresh" && s.Accounts[0].Socket.State == "authenticated"
	})
	return w
}

// browser starts Chromium with a fresh profile. Names under .example are this
// machine, and the browser's own guard of local networks is off, so that only
// ours are tested.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must have chromium")
		}
		t.Skip("needs chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"),
		chromedp.Flag("disable-features", "LocalNetworkAccessChecks,"+
			"BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessRespectPreflightResults"),
		chromedp.Flag("disable-popup-blocking", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel) // it waits until the browser has ended
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	late := time.AfterFunc(4*browserPatience, cancel)
	t.Cleanup(func() { late.Stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is one tab of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(t *testing.T, browser context.Context, address string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	// The tab lives as long as the context in which it is opened.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	b := &tab{t, ctx}
	b.open(address)
	return b
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.text())
	}
}

func (b *tab) open(address string) { b.t.Helper(); b.do("open "+address, chromedp.Navigate(address)) }

// js returns what a function's body returns.
func (b *tab) js(body string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("script: %v\n%s", err, body)
	}
	return got
}

// text is what the tab shows.
func (b *tab) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return said
}

// until waits until an expression is true in the tab, over navigations too.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && is {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("waiting for %s: %v\n%s", expression, err, b.text())
		}
	}
}

// says waits until the tab shows a text.
func (b *tab) says(text string) {
	b.t.Helper()
	b.until("!!document.body && document.body.innerText.includes(" + quoted(text) + ")")
}

// quoted is a text in a script.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // every text can be quoted
	}
	return string(out)
}

func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do("fill "+selector, chromedp.SendKeys(selector, text))
}

func (b *tab) click(selector string) { b.t.Helper(); b.do("click "+selector, chromedp.Click(selector)) }

// emulate shows the tab in a colour scheme and a width.
func (b *tab) emulate(scheme string, width int64) {
	b.t.Helper()
	b.do("emulate", chromedp.EmulateViewport(width, 844), func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return chromedp.Void{}, err
	})
}

// axe is the source of axe-core, which judges whether everybody can use a page.
func axe(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SHELFKEEPER_NODE")
	if dir == "" {
		if cache, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(cache, "shelfkeeper-ci")
		}
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must have axe-core:", err)
		}
		t.Skip("needs axe-core: npm install --prefix ~/.cache/shelfkeeper-ci --no-save axe-core@4")
	}
	return string(source)
}

// judge looks at a state of the page in both colour schemes, narrow and wide:
// everybody can use it, and nothing runs out of the window. With
// SHELFKEEPER_SHOTS it leaves pictures there.
func (b *tab) judge(name string) {
	b.t.Helper()
	source := axe(b.t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1100} {
			b.emulate(scheme, width)
			found := b.js("if (!window.axe) { " + source + " }" + `
				const r = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
				const said = r.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "  " + n.html + "\n  " + n.failureSummary).join("\n"))
				const wide = document.scrollingElement.scrollWidth
				if (wide > innerWidth) said.push("it is " + wide + " wide")
				return said.join("\n")`)
			if found != "" {
				b.t.Errorf("%s, %s, %d wide:\n%s", name, scheme, width, found)
			}
			b.picture(strings.Join([]string{name, scheme, strconv.FormatInt(width, 10)}, "-"))
		}
	}
	b.emulate("light", 1100)
}

func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("SHELFKEEPER_SHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// waitClick clicks what may still be on its way.
func waitClick(selector string) []chromedp.Action[chromedp.Void] {
	return []chromedp.Action[chromedp.Void]{chromedp.WaitVisible(selector), chromedp.Click(selector)}
}

// noScripts lets no page of the tab run scripts.
func (b *tab) noScripts() {
	b.t.Helper()
	b.do("no scripts", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}

// toFront shows the tab again after another one came before it.
func (b *tab) toFront() {
	b.t.Helper()
	b.do("to front", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.BringToFront, cdp.Empty{})
		return chromedp.Void{}, err
	})
}
