package proxy_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// pageScript does what a program in a webview does: requests with and without
// a grant, images and sound. It returns what it got.
const pageScript = `
	const us = "{us}", item = us + "/api/items/{item}", got = []
	const attempt = async (name, f) => {
		try {
			const v = await Promise.race([f(), new Promise(r => setTimeout(r, 4000, undefined))])
			if (v !== undefined) got.push(name + " " + v)
		} catch (e) {}
	}
	const image = (src) => new Promise((resolve) => {
		const e = new Image()
		e.onload = () => resolve("loaded"); e.onerror = () => resolve(undefined)
		e.src = src
	})
	const sound = (src) => new Promise((resolve) => {
		const a = new Audio(src)
		a.onloadedmetadata = () => resolve("plays"); a.onerror = () => resolve(undefined)
	})
	await attempt("read", async () => (await fetch(us + "/api/me")).status)
	await attempt("preflight", async () => (await fetch(us + "/api/me", {headers: {Authorization: "Bearer {grant}"}})).status)
	await attempt("write", async () => (await fetch(us + "/api/me/progress/{item}", {method: "PATCH", body: "{}",
		headers: {"Content-Type": "application/json"}})).status)
	await attempt("image", () => image(item + "/cover"))
	await attempt("sound", () => sound(item + "/file/{file}"))
	await attempt("hidden image", () => new Promise((resolve) => {
		const e = new Image()
		e.referrerPolicy = "no-referrer"
		e.onload = () => resolve("loaded"); e.onerror = () => resolve(undefined)
		e.src = item + "/cover?hidden"
	}))
	await attempt("grant", async () => (await fetch(us + "/api/me?token={grant}")).status)
	await attempt("image with a grant", () => image(item + "/cover?token={grant}"))
	await attempt("sound with a grant", () => sound(item + "/file/{file}?token={grant}"))
	return got.join(", ")`

// A page of a trusted origin gets what a local program gets; one that knows a
// grant gets what the grant allows, but no preflight; every other page nothing.
func TestTrustedOriginsInABrowser(t *testing.T) {
	b := browser(t)
	pages := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprint(rw, "<!doctype html><title>a page</title><body>")
	}))
	defer pages.Close()
	_, port, err := net.SplitHostPort(pages.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	origin := func(name string) string { return "http://" + name + ".example:" + port }
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) {
		c.PeerOf, c.OwnUID = nil, os.Getuid()
		c.TrustedOrigins = []string{origin("friend")}
	})
	item := w.Fake.Library().Tracks()
	run := func(name, grant string) string {
		page := tab(t, b, origin(name)+"/")
		return runs(t, page, strings.NewReplacer("{us}", "http://"+w.Addr, "{item}", item.ID, "{file}", item.Files[0].Ino, "{grant}", grant).
			Replace(pageScript))
	}
	grant := w.NewGrant(players.ScopeListen)
	const all = "read 200, preflight 200, write 200, image loaded, sound plays, grant 200, image with a grant loaded, sound with a grant plays"
	if got := run("friend", grant); got != all {
		t.Errorf("a trusted page got %s", got)
	}
	if got := run("evil", grant); got != "grant 200, image with a grant loaded, sound with a grant plays" {
		t.Errorf("a page that knows a grant got %s", got)
	}
	before := w.Fake.Ledger().Count(func(absfake.Entry) bool { return true })
	if got := run("evil", "sk_guess"); got != "" {
		t.Errorf("a page that guesses got %s", got)
	}
	if n := w.Fake.Ledger().Count(func(absfake.Entry) bool { return true }); n != before {
		t.Errorf("it reached the server %d times", n-before)
	}
}
