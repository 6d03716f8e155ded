package daemon

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A person without an account comes from the address to listening, by password.
func TestPageFirstRun(t *testing.T) {
	b := browser(t)
	w := newPageWorld(t, absfake.Config{WebClient: true})
	// It opened by itself, since there is no account.
	p := newTab(t, b, w.shown[0])
	p.says("Sign in to Audiobookshelf")
	p.judge("first-address")
	p.fill("#server", "127.0.0.1:1")
	p.click("form button")
	p.until(`document.querySelector("[role=alert]#trouble") !== null`)
	p.judge("first-nothing-there")
	// The link that people copy from the web client.
	p.js(`document.querySelector("#server").value = ""; return ""`)
	p.fill("#server", w.server+"/library/x?token=s3cret")
	p.click("form button")
	p.says("is Audiobookshelf 2.36.0")
	if strings.Contains(p.text(), "s3cret") {
		t.Error("what was pasted shows")
	}
	p.judge("first-ways")
	p.fill("#username", "demo")
	p.fill("#password", "wrong")
	p.click("form[action='/sign-in'] button")
	p.says("The server refused this user name and password")
	p.judge("first-refused")
	if n := logins(w.fake); n != 1 {
		t.Errorf("a wrong password took %d requests", n)
	}
	p.fill("#password", "demo")
	p.click("form[action='/sign-in'] button")
	p.says("You are signed in")
	p.says("sk_")
	p.judge("first-done")
	// The grant is shown once.
	p.do("status", waitClick("main .acts a[href^='/accounts/']")...)
	p.says("Signed in")
	if strings.Contains(p.text(), "sk_") {
		t.Error("the grant shows again")
	}
	p.click("button#open-127-0-0-1-demo, form[action$='/open'] button")
	p.says("Audiobookshelf opens in your browser")
	if address := w.shown[len(w.shown)-1]; !strings.Contains(address, "/_shelfkeeper/open?nonce=") {
		t.Errorf("it opened %s", address)
	}
}

func logins(fake *absfake.Server) int {
	return fake.Ledger().Count(func(e absfake.Entry) bool { return e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/login") })
}

// The page follows the daemon: a level shows within a second after its hold.
func TestPageIsLive(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	p := newTab(t, b, w.page)
	p.says("Signed in")
	p.judge("account-ok")
	// A level that shows by itself after its hold.
	s := w.daemon.services.All()[0]
	for first := time.Now(); ; { // a busy machine gets several tries to show it in time
		raised := time.Now()
		s.Raise(&health.ServerUnreachable, "connection refused")
		p.until(`document.querySelector(".words.offline") !== null`)
		late := time.Since(raised) - health.ServerUnreachable.Hold
		tired := late < 0 || time.Since(first) > browserPatience
		if late >= 0 && late <= time.Second {
			break
		} else if tired {
			t.Errorf("it showed %v after its hold", late)
			break
		}
		s.Clear(&health.ServerUnreachable)
		p.until(`document.querySelector(".words.ok") !== null`)
	}
	p.until(`document.getElementById("announce").textContent.includes("out of reach")`)
	p.until(`document.getElementById("icon").getAttribute("href") === "/icon/offline.ico" && document.title.includes("out of reach")`)
	p.judge("account-offline")
	s.Clear(&health.ServerUnreachable)
	p.until(`document.querySelector(".words.ok") !== null`)
	s.Raise(&health.OddTokens, "")
	p.until(`document.querySelector(".words.degraded") !== null`)
	p.judge("account-degraded")
}

// Re-authenticate: silent first, then the form with the cause; wrong, then
// right. What players asked meanwhile goes on.
func TestPageReauthenticate(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	name := w.daemon.Snapshot().Accounts[0].Name
	p := newTab(t, b, w.page)
	p.click("#renew-" + name)
	p.says("The session is renewed")
	// The server ends every session, and has another password.
	if err := w.fake.SetPassword("demo", "changed"); err != nil {
		t.Fatal(err)
	}
	if err := w.fake.EndSessions("demo"); err != nil {
		t.Fatal(err)
	}
	before := logins(w.fake)
	p.click("#renew-" + name)
	p.until(`document.querySelector("#username") !== null`)
	if got := p.js(`return document.querySelector("#username").value + " " + document.activeElement.id`); got != "demo password" {
		t.Errorf("filled in and focused: %s", got)
	}
	p.judge("again")
	silent := logins(w.fake)
	if silent != before+1 {
		t.Errorf("%d logins by itself", silent-before)
	}
	p.fill("#password", "wrong")
	p.click("form.fields button")
	p.says("The server refused this user name and password")
	p.judge("again-refused")
	if n := logins(w.fake); n != silent+1 {
		t.Errorf("a wrong password took %d requests", n-silent)
	}
	// A player's request waits meanwhile.
	address := w.daemon.Snapshot().Accounts[0].Proxy.URL
	waited := make(chan int, 1)
	go func() {
		resp, err := http.Get(address + "/api/me")
		if err != nil {
			waited <- 0
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		waited <- resp.StatusCode
	}()
	p.fill("#password", "changed")
	p.click("form.fields button")
	p.says("The session is renewed")
	p.until(`document.querySelector(".words.ok") !== null`)
	if got := <-waited; got != http.StatusOK {
		t.Errorf("the player's request that waited: %d", got)
	}
	resp, err := http.Get(address + "/api/me")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a player's request afterwards: %d", resp.StatusCode)
	}
}

// A player comes, gets a grant, is shown, and loses it again.
func TestPagePlayers(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	address := w.daemon.Snapshot().Accounts[0].Proxy.URL
	ask := func(key string) int {
		r, err := http.NewRequest(http.MethodGet, address+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		r.Header.Set("User-Agent", "mpv/0.35")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask(""); got != http.StatusOK {
		t.Fatalf("a program of the user: %d", got)
	}
	p := newTab(t, b, w.page+"/players")
	p.says("your own program")
	p.fill("input[name=name]", "Living room")
	p.click("form.fields button")
	p.says("A grant for Living room")
	p.judge("players-granted")
	key := p.js(`return document.querySelector("[data-copy^=sk_]").dataset.copy`)
	if got := ask(key); got != http.StatusOK {
		t.Errorf("with the grant: %d", got)
	}
	p.click("main .acts a")
	p.says("grant Living room")
	p.click("details[id^=recipes] summary")
	p.judge("players")
	// The page is live, and a grant's place in the table follows its last use.
	revoke := p.js(`return [...document.querySelectorAll("details[id^=revoke]")].find(d => d.textContent.includes("Living room")).id`)
	p.click("#" + revoke + " summary")
	p.click("#" + revoke + " button")
	p.says("The grant is taken away")
	if got := ask(key); got != http.StatusUnauthorized {
		t.Errorf("with the grant that was taken away: %d", got)
	}
}

// The record and a pause, and what they look like.
func TestPagePauseAndRecord(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	name := w.daemon.Snapshot().Accounts[0].Name
	address := w.daemon.Snapshot().Accounts[0].Proxy.URL
	status := func() int {
		resp, err := http.Get(address + "/api/me")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	p := newTab(t, b, w.page+"/record")
	p.says("sign-in")
	p.judge("record")
	p.open(w.page)
	p.click("#pause-" + name)
	p.says("The session is kept alive.")
	p.judge("pause")
	p.click("button[value=tomorrow]")
	p.says("Paused by you")
	p.judge("account-paused")
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("a player while it is paused: %d", got)
	}
	p.click("#resume-" + name)
	p.says("Players are served again")
	if got := status(); got != http.StatusOK {
		t.Errorf("a player afterwards: %d", got)
	}
	p.open(w.page + "/settings")
	p.judge("settings")
	p.open(w.page)
	p.click("#out-" + name)
	p.says("Sign out of")
	p.judge("sign-out")
	p.click("button.grave")
	p.says("Nothing is left here")
	if n := len(w.daemon.Snapshot().Accounts); n != 0 {
		t.Errorf("%d accounts are left", n)
	}
}
