package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
)

// intruder tries all that a page can against the status page, and returns what
// it got hold of. {us} is the page's origin.
const intruder = `
	const us = "{us}", got = []
	const attempt = async (name, f) => {
		try { const v = await Promise.race([f(), new Promise(r => setTimeout(r, 3000, undefined))]); if (v !== undefined) got.push(name + ": " + v) } catch (e) {}
	}
	const element = (tag, attributes) => new Promise((resolve) => {
		const e = document.createElement(tag)
		e.onload = () => { let t; try { t = tag === "iframe" ? e.contentDocument && e.contentDocument.title || undefined : "loaded" } catch (x) {} resolve(t) }
		e.onerror = () => resolve(undefined)
		Object.assign(e, attributes)
		document.body.append(e)
	})
	const form = {"Content-Type": "application/x-www-form-urlencoded"}
	await Promise.all([
		attempt("read", async () => (await fetch(us + "/")).text()),
		attempt("read with cookies", async () => (await fetch(us + "/accounts/{account}", {credentials: "include"})).text()),
		attempt("read blindly", async () => { await fetch(us + "/", {mode: "no-cors", credentials: "include"}) }),
		attempt("write blindly", async () => { await fetch(us + "/accounts/{account}/renew", {method: "POST", mode: "no-cors", credentials: "include", headers: form, body: "csrf=x"}) }),
		attempt("write", async () => (await fetch(us + "/accounts/{account}/sign-out", {method: "POST", credentials: "include", headers: form, body: "csrf=x"})).status),
		attempt("beacon", async () => { navigator.sendBeacon(us + "/accounts/{account}/sign-out", new URLSearchParams({csrf: "x"})) }),
		attempt("script", () => element("script", {src: us + "/page.js"})),
		attempt("style", () => element("link", {rel: "stylesheet", href: us + "/style.css"})),
		attempt("image", () => element("img", {src: us + "/icon/ok.ico"})),
		attempt("frame", () => element("iframe", {src: us + "/"})),
		attempt("sandboxed frame", () => element("iframe", {src: us + "/", sandbox: "allow-scripts allow-same-origin", referrerPolicy: "no-referrer"})),
		attempt("object", () => element("object", {data: us + "/", type: "text/html"}).then(() => undefined)),
		attempt("events", () => new Promise((resolve) => { const s = new EventSource(us + "/events", {withCredentials: true}); s.onopen = () => resolve("open"); s.onerror = () => { s.close(); resolve(undefined) } })),
		attempt("worker", async () => { const w = new SharedWorker(us + "/page.js"); return new Promise((r) => { w.onerror = () => r(undefined) }) }),
		attempt("form", async () => {
			const f = document.createElement("form"), i = document.createElement("iframe"), c = document.createElement("input")
			i.name = "into"; document.body.append(i)
			Object.assign(f, {method: "POST", action: us + "/accounts/{account}/sign-out", target: "into"})
			Object.assign(c, {name: "csrf", value: "x"}); f.append(c)
			const done = new Promise((r) => { i.onload = r })
			document.body.append(f); f.submit(); await done
		}),
		attempt("window", async () => { const x = open(us + "/"); await new Promise(r => setTimeout(r, 1500)); let t; try { t = x.document.title || x.length || undefined } catch (e) {} x.close(); return t }),
		attempt("cookie", async () => document.cookie.includes("shelfkeeper_page") ? document.cookie : undefined),
	])
	return JSON.stringify(got)`

// Pages of an evil origin, of another port of each of our names, and scripts
// that the Audiobookshelf server delivers read, write and embed nothing. The
// browser runs as the user and has a session, so every request that a guard lets
// through would be answered.
func TestPageGivesOtherPagesNothing(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{WebClient: true})
	name := w.daemon.Snapshot().Accounts[0].Name
	own := newTab(t, b, w.page)
	own.says("Signed in")
	evil := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprint(rw, "<!doctype html><title>evil</title><body>")
	}))
	defer evil.Close()
	_, port, err := net.SplitHostPort(evil.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("{us}", w.page, "{account}", name).Replace(intruder)
	generation := w.daemon.Snapshot().Accounts[0].Session.Generation
	for _, at := range []string{
		"http://evil.example:" + port + "/", "http://127.0.0.1:" + port + "/", "http://localhost:" + port + "/",
		// The players' address: what the server delivers, as its own page sees it.
		w.daemon.Snapshot().Accounts[0].Proxy.URL + "/",
	} {
		if got := newTab(t, b, at).js(script); got != "[]" {
			t.Errorf("%s got %s", at, got)
		}
	}
	if got := w.daemon.Snapshot().Accounts; len(got) != 1 || got[0].Session.Generation != generation {
		t.Errorf("they did something: %+v", got)
	}
	// A rebound name is its own page's origin: the browser lets it read.
	rebound := newTab(t, b, strings.Replace(w.page, "localhost", "rebound.example", 1)+"/")
	if got := rebound.js(`return String((await fetch("/")).status)`); got != "421" {
		t.Errorf("a rebound name: %s", got)
	}
	// The page's session is of no use to the players' port, and the grant of a
	// player none to the page.
	said := own.js(`return String(document.cookie)`)
	if said != "" {
		t.Errorf("scripts can read %s", said)
	}
	own.click("#renew-" + name)
	own.says("The session is renewed")
	// The same script within the page gets a lot: it is able to.
	if got := own.js(script); !strings.Contains(got, "read: ") || !strings.Contains(got, "events: open") {
		t.Errorf("the intruder can do nothing at all: %s", got)
	}
}

// A browser that comes to 127.0.0.1 ends at the page's own name, and one whose
// user cannot be told comes in by the link alone.
func TestPageByItsOtherName(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	p := newTab(t, b, strings.Replace(w.page, "localhost", "127.0.0.1", 1)+"/")
	p.says("Signed in")
	if got := p.js("return location.origin"); got != w.page {
		t.Errorf("it is at %s", got)
	}
	link, err := w.daemon.PageLink(t.Context(), w.daemon.Snapshot().Accounts[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	p = newTab(t, b, link)
	p.says("Signed in")
	if got := p.js("return location.href"); strings.Contains(got, "link=") {
		t.Errorf("the link stays in %s", got)
	}
}

// Without scripts the page is readable and its forms work.
func TestPageWithoutScripts(t *testing.T) {
	b := browser(t)
	w := newPageWorld(t, absfake.Config{})
	p := newTab(t, b, "about:blank")
	p.noScripts()
	p.open(w.page)
	p.says("Sign in to Audiobookshelf")
	p.fill("#server", w.server)
	p.click("form button")
	p.says("is Audiobookshelf")
	p.fill("#username", "demo")
	p.fill("#password", "demo")
	p.click("form[action='/sign-in'] button")
	p.says("You are signed in")
	p.click("main .acts a")
	p.says("use this address") // the players of the account
	p.open(w.page)
	p.says("Signed in by")
	p.click("#renew-" + w.daemon.Snapshot().Accounts[0].Name)
	p.says("The session is renewed")
}
