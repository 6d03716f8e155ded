package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/proxytest"
)

// browserPatience bounds each step of a browser; on a busy machine it takes
// some seconds to start.
const browserPatience = 60 * time.Second

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
	late := time.AfterFunc(3*browserPatience, cancel)
	t.Cleanup(func() { late.Stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab opens another tab of the browser at address.
func tab(t *testing.T, browser context.Context, address string) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("open %s: %v", address, err)
	}
	return ctx
}

// runs executes a function's body in the tab and returns what it returns.
func runs(t *testing.T, tab context.Context, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, browserPatience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("script: %v\n%s", err, body)
	}
	return got
}

// browserWorld is a proxy as it runs for the user who runs the browser too: a
// request of the browser's needs no grant, unless a guard sees where it comes
// from.
func browserWorld(t *testing.T) *proxytest.LocalWorld {
	return proxytest.NewLocalWorld(t, absfake.Config{WebClient: true}, func(c *proxy.Config) { c.PeerOf, c.OwnUID = nil, os.Getuid() })
}

func TestOpenSignsTheBrowserIn(t *testing.T) {
	b := browser(t)
	w := browserWorld(t)
	address, err := w.Server.OpenURL(players.ScopeFull)
	if err != nil {
		t.Fatal(err)
	}
	// A browser that is sent to localhost comes to 127.0.0.1 by itself.
	page := tab(t, b, strings.Replace(address, "127.0.0.1", "localhost", 1))
	// The page goes on by itself.
	at, err := chromedp.Run(page, chromedp.Poll[string](`location.pathname === "/" && document.readyState === "complete" && location.href`))
	if err != nil {
		t.Fatal(err)
	}
	title, err := chromedp.Run(page, chromedp.Title())
	if err != nil {
		t.Fatal(err)
	}
	if at != "http://"+w.Addr+"/" || title != "Audiobookshelf" {
		t.Errorf("it is at %s, %q", at, title)
	}
	// As the web client does: client/pages/login.vue, checkAuth.
	said := runs(t, page, `
		const token = localStorage.getItem("token")
		const r = await fetch("/api/authorize", {method: "POST", headers: {Authorization: "Bearer " + token}})
		const user = (await r.json()).user
		const again = await fetch("/auth/refresh", {method: "POST", headers: {Authorization: "Bearer " + token}})
		return JSON.stringify([r.status, user.username, user.isOldToken === undefined, token.split(".").length, again.status, document.cookie])`)
	if said != `[200,"demo",true,3,200,""]` {
		t.Errorf("the page says %s", said)
	}
	// The way back does not lead to the page that held the token, and the
	// address is used up.
	if err := chromedp.Do(page, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	body, err := chromedp.Run(page, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, "opened already") {
		t.Errorf("a second time it says %s", body)
	}
	// Signing out in the page ends it.
	said = runs(t, page, `
		const bearer = {headers: {Authorization: "Bearer " + localStorage.getItem("token")}}
		const out = await fetch("/logout", {method: "POST", ...bearer})
		return JSON.stringify([out.status, (await fetch("/api/me", bearer)).status])`)
	if said != `[200,401]` || len(w.Store.List("home")) != 0 {
		t.Errorf("signing out: %s, %+v", said, w.Store.List("home"))
	}
}

// evilScript tries all that a page can, and returns what it got hold of. {us}
// is our origin, {cookie} the name of our cookie.
const evilScript = `
	const us = "{us}", got = []
	const attempt = async (name, f) => {
		try {
			const v = await Promise.race([f(), new Promise(r => setTimeout(r, 4000, undefined))])
			if (v !== undefined) got.push(name + ": " + v)
		} catch (e) {}
	}
	const element = (tag, attributes) => new Promise((resolve) => {
		const e = document.createElement(tag)
		e.onload = () => resolve(tag === "iframe" ? frameSays(e) : "loaded")
		e.onerror = () => resolve(undefined)
		Object.assign(e, attributes)
		document.body.append(e)
	})
	const frameSays = (e) => { try { return e.contentDocument && e.contentDocument.title || undefined } catch (x) { return undefined } }
	const item = us + "/api/items/{item}"
	await Promise.all([
		attempt("read", async () => (await fetch(us + "/api/me")).text()),
		attempt("read with cookies", async () => (await fetch(us + "/api/me", {credentials: "include"})).text()),
		attempt("preflight", async () => (await fetch(us + "/api/me", {headers: {Authorization: "Bearer x"}})).text()),
		attempt("read blindly", async () => { await fetch(us + "/api/me", {mode: "no-cors"}) }),
		attempt("write blindly", async () => { await fetch(us + "/api/session/local", {method: "POST", mode: "no-cors", body: "{}"}) }),
		attempt("write", async () => (await fetch(us + "/api/me/progress/{item}", {method: "PATCH", body: "{}"})).status),
		attempt("sign in blindly", async () => { await fetch(us + "/login", {method: "POST", mode: "no-cors", credentials: "include",
			headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: "username=demo&password=demo"}) }),
		attempt("sign out", async () => { await fetch(us + "/logout", {method: "POST", mode: "no-cors", credentials: "include"}) }),
		attempt("refresh", async () => (await fetch(us + "/auth/refresh", {method: "POST", credentials: "include"})).text()),
		attempt("beacon", async () => { navigator.sendBeacon(us + "/api/session/local", "{}") }),
		attempt("image", () => element("img", {src: item + "/cover"})),
		attempt("script", () => element("script", {src: us + "/api/me"})),
		attempt("style", () => element("link", {rel: "stylesheet", href: us + "/api/me"})),
		attempt("audio", () => new Promise((resolve) => { 
			const a = new Audio(item + "/file/{file}")
			a.onloadedmetadata = () => resolve("plays"); a.onerror = () => resolve(undefined)
		})),
		attempt("frame", () => element("iframe", {src: us + "/"})),
		attempt("frame without a name", () => element("iframe", {src: us + "/api/me", referrerPolicy: "no-referrer", sandbox: "allow-scripts"})),
		attempt("embed", () => element("embed", {src: us + "/", type: "text/html"}).then((v) => undefined)),
		attempt("socket", () => new Promise((resolve) => {
			const s = new WebSocket(us.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket")
			s.onopen = () => resolve("open"); s.onmessage = () => resolve("speaks"); s.onerror = () => resolve(undefined)
		})),
		attempt("events", () => new Promise((resolve) => {
			const s = new EventSource(us + "/api/me")
			s.onopen = () => resolve("open"); s.onerror = () => { s.close(); resolve(undefined) }
		})),
		attempt("form", async () => {
			const f = document.createElement("form"), i = document.createElement("iframe")
			i.name = "into"; document.body.append(i)
			Object.assign(f, {method: "POST", action: us + "/login", target: "into"})
			for (const [n, v] of [["username", "demo"], ["password", "demo"]]) {
				const e = document.createElement("input")
				e.name = n; e.value = v; f.append(e)
			}
			const done = new Promise((r) => { i.onload = r })
			document.body.append(f); f.submit(); await done
		}),
		attempt("window", async () => {
			const x = open(us + "/")
			await new Promise(r => setTimeout(r, 1500))
			let t
			try { t = x.document.title || undefined } catch (e) {}
			x.close()
			return t
		}),
	])
	document.cookie = "{cookie}=planted; path=/; max-age=999999"
	document.cookie = "refresh_token=planted; path=/; max-age=999999"
	document.cookie = "connect.sid=planted; path=/auth; max-age=999999"
	return JSON.stringify(got)`

// A page of an evil origin, one on another port of each of our names, and one
// whose name is rebound to us: the browser runs as the user, so every request
// that a guard lets through would be answered. None reaches the server.
func TestPagesOfOtherOriginsGetNothing(t *testing.T) {
	b := browser(t)
	w := browserWorld(t)
	var mu sync.Mutex
	visited := make(map[string]bool)
	evil := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		visited[r.Host] = true
		mu.Unlock()
		// Overwriting a cookie that scripts cannot touch is left to the server.
		rw.Header().Add("Set-Cookie", answers.CookieName("home")+"=planted; Path=/; HttpOnly")
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprint(rw, "<!doctype html><title>evil</title><body>")
	}))
	defer evil.Close()
	_, evilPort, err := net.SplitHostPort(evil.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	// The user's own page, signed in by typing: it holds a token and a cookie.
	own := tab(t, b, "http://"+w.Addr+"/")
	said := runs(t, own, `
		const r = await fetch("/login", {method: "POST", headers: {"Content-Type": "application/json"},
			body: JSON.stringify({username: "demo", password: "demo"})})
		localStorage.setItem("token", (await r.json()).user.accessToken)
		return String((await fetch("/auth/refresh", {method: "POST"})).status)`)
	if said != "200" {
		t.Fatalf("the user's own page: %s", said)
	}
	item := w.Fake.Library().Tracks()
	fill := strings.NewReplacer("{us}", "http://"+w.Addr, "{cookie}", answers.CookieName("home"), "{item}", item.ID, "{file}",
		item.Files[0].Ino)
	// The browser asks for the icon of the user's own page when it pleases.
	reached := func() (paths []string) {
		for _, e := range w.Fake.Ledger().Entries() {
			if e.Path != "/favicon.ico" {
				paths = append(paths, e.Method+" "+e.Path)
			}
		}
		return paths
	}
	seen := func() int { return len(reached()) }
	before, grants := seen(), len(w.Store.List("home"))
	for _, host := range []string{"evil.example", "127.0.0.1", "localhost"} {
		page := tab(t, b, "http://"+net.JoinHostPort(host, evilPort)+"/")
		if got := runs(t, page, fill.Replace(evilScript)); got != "[]" {
			t.Errorf("a page of %s got %s", host, got)
		}
		if n := seen(); n != before {
			t.Fatalf("a page of %s reached the server: %q", host, reached()[before:])
		}
	}
	if len(visited) != 3 {
		t.Fatalf("visited %v", visited)
	}
	// A rebound name is its own page's origin: the browser lets it read.
	_, port, err := net.SplitHostPort(w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	rebound := tab(t, b, "http://rebound.example:"+port+"/")
	said = runs(t, rebound, `const r = await fetch("/api/me"); return JSON.stringify([r.status, (await fetch("/login")).status])`)
	if said != "[421,421]" || seen() != before {
		t.Errorf("a rebound name: %s, %d requests", said, seen()-before)
	}
	// What they planted changes nothing, and reaches nobody.
	said = runs(t, own, `
		const bearer = {Authorization: "Bearer " + localStorage.getItem("token")}
		const r = await fetch("/auth/refresh", {method: "POST", headers: bearer})
		const again = (await r.json()).user
		return JSON.stringify([(await fetch("/api/me", {headers: bearer})).status, r.status, again && again.username,
			(await fetch("/auth/refresh", {method: "POST"})).status])`)
	if said != `[200,200,"demo",200]` {
		t.Errorf("the user's page afterwards: %s", said)
	}
	if n := len(w.Store.List("home")); n != grants {
		t.Errorf("%d sign-ins, before %d", n, grants)
	}
	stats, err := json.Marshal(w.Server.Stats().Refused)
	if err != nil {
		t.Fatal(err)
	}
	if w.Server.Stats().Refused["other-origin"] < 40 || w.Server.Stats().Withheld != 0 {
		t.Errorf("refused %s", stats)
	}
}
