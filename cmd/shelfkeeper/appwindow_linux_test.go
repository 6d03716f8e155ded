package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/pwa"
	"github.com/chromedp/chromedp"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// appWindow is a window of Chromium without its bars, as `open --app` makes it, in a
// profile that outlives it.
type appWindow struct {
	t   *testing.T
	ctx context.Context
	end context.CancelFunc // it waits until the browser has ended
}

func openAppWindow(t *testing.T, profile, address string) *appWindow {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(profile))
	if os.Getenv("DISPLAY") != "" { // a person, or a picture
		options = append(options, chromedp.Flag("headless", false))
	}
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	w := &appWindow{t, ctx, sync.OnceFunc(func() {
		_ = chromedp.Cancel(ctx) // it may be gone
		cancel()
		stop()
	})}
	t.Cleanup(w.end)
	late := time.AfterFunc(3*patience, cancel)
	t.Cleanup(func() { late.Stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	// The web client passes its login page on its way; what counts is what a person sees.
	_, err = chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchForLogin})
		return chromedp.Void{}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("open %s: %v", address, err)
	}
	return w
}

// watchForLogin notes in each frame whether a field for a password shows.
const watchForLogin = `
	const look = () => {
		const field = document.querySelector("input[type=password]")
		if (field && field.offsetParent) sessionStorage.setItem("saw-login", location.href)
		requestAnimationFrame(look)
	}
	look()`

// js returns what a function's body returns in the page.
func (w *appWindow) js(body string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("script: %v\n%s", err, body)
	}
	return got
}

// until waits until an expression is true in the page, over navigations too.
func (w *appWindow) until(expression string) {
	w.t.Helper()
	deadline := time.After(patience)
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		cancel()
		if err == nil && is {
			return
		}
		select {
		case <-pace.C:
		case <-deadline:
			w.t.Fatalf("waiting for %s: %v\n%s", expression, err, w.js(`return location.href + "\n" + document.body.innerText`))
		}
	}
}

// installable says what keeps the browser from installing the page as an app; "" for
// nothing. It loads the manifest.
func (w *appWindow) installable() string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	said, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (string, error) {
		manifest, err := cdp.Call(ctx, t, page.GetAppManifest, page.GetAppManifestParams{})
		if err != nil {
			return "", err
		}
		errs, err := cdp.Call(ctx, t, page.GetInstallabilityErrors, cdp.Empty{})
		if err != nil || len(manifest.Errors)+len(errs.InstallabilityErrors) == 0 {
			return "", err
		}
		raw, err := json.Marshal([]any{manifest.Errors, errs.InstallabilityErrors})
		return string(raw), err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return said
}

// install installs the page as an app, as the browser's menu does.
func (w *appWindow) install(id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, pwa.Install, pwa.InstallParams{ManifestID: id})
		return chromedp.Void{}, err
	})
	if err != nil {
		w.t.Errorf("install %s: %v", id, err)
	}
}

// signedInAs waits until the page is signed in as its web client finds out
// (abs: client/pages/login.vue, checkAuth).
func (w *appWindow) signedInAs(name string) {
	w.t.Helper()
	w.until(`!!localStorage.getItem("token") && !location.pathname.includes("_shelfkeeper") && document.readyState === "complete"`)
	said := w.js(`
		const r = await fetch("/api/authorize", {method: "POST", headers: {Authorization: "Bearer " + localStorage.getItem("token")}})
		return r.status + " " + (await r.json()).user.username`)
	if said != "200 "+name {
		w.t.Errorf("the page is signed in as %s, at %s", said, w.js(`return location.href`))
	}
	if at := w.js(`return sessionStorage.getItem("saw-login") || ""`); at != "" {
		w.t.Errorf("it asks for a password: %s", at)
	}
}

// The server's page opens as an app window, can be installed, has its icon and its service
// worker, and comes back signed in after the browser has ended and the daemon was killed.
// SHELFKEEPER_REAL_SERVER=URL tries it with a real one, whose root's password is rootpw1.
func TestAppWindow(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "chromium")
	p, who := newPlace(t), user
	real := os.Getenv("SHELFKEEPER_REAL_SERVER")
	if real == "" {
		p.login(newServer(t, absfake.Config{WebClient: true, WebPage: func(*absfake.Server) string { return absfake.WebApp }}))
	} else {
		who = "root"
		p.ok("rootpw1\n", "login", real, "--username", who, "--password-stdin", "--allow-http")
	}
	d := p.daemon()
	url := p.until("the session is fresh", fresh).Proxy.URL
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })

	w := openAppWindow(t, profile, strings.TrimSpace(p.ok("", "open", "--print").stdout))
	w.signedInAs(who)
	if why := w.installable(); why != "" {
		t.Errorf("it cannot be installed: %s", why)
	}
	said := w.js(`
		const link = document.querySelector("link[rel=manifest]").href
		const manifest = await (await fetch(link)).json()
		const icons = []
		for (const i of manifest.icons) {
			const r = await fetch(new URL(i.src, link))
			icons.push(r.status + " " + r.headers.get("content-type"))
		}
		return JSON.stringify([new URL(manifest.start_url, link).href, manifest.display, ...icons])`)
	var about []string
	err = json.Unmarshal([]byte(said), &about)
	if err != nil || len(about) < 3 || !strings.HasPrefix(about[0], url+"/") || about[1] != "standalone" {
		t.Fatalf("the manifest: %s", said)
	}
	for _, icon := range about[2:] {
		if !strings.HasPrefix(icon, "200 image/") {
			t.Errorf("an icon: %s", icon)
		}
	}
	if real == "" { // a real one's loads its library from the internet
		w.until(`navigator.serviceWorker.controller !== undefined`)
		if state := w.js(`return (await navigator.serviceWorker.ready).active.scriptURL`); state != url+"/sw.js" {
			t.Errorf("its service worker: %s", state)
		}
	}
	w.install(about[0])
	w.end()
	d.kill()

	// After the start of the machine the app's icon opens its start address; the daemon may
	// be later than the browser.
	p.daemon()
	w = openAppWindow(t, profile, about[0])
	if real != "" {
		w.until(`location.pathname.includes("/library/")`) // what a person sees who is signed in
	}
	w.signedInAs(who)
	if picture := os.Getenv("SHELFKEEPER_PICTURE"); picture != "" {
		shot, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(picture, shot, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
