package daemon

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

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

// visit opens an address until it says a text: its server may only just begin.
func (b *tab) visit(address, says string) {
	b.t.Helper()
	for end := time.Now().Add(browserPatience); ; {
		b.open(address)
		if b.js(`return String(document.body.innerText.includes(`+quoted(says)+`))`) == "true" {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s does not say %q: %s", address, says, b.text())
		}
	}
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
