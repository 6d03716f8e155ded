package daemon

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

// A person without a terminal confirms a certificate that nobody vouches for: before the
// first sign-in, and when the server gets a new one.
func TestPageAsksAboutCertificate(t *testing.T) {
	b := browser(t)
	w := newPageWorld(t, absfake.Config{})
	gate := httptest.NewUnstartedServer(w.fake.Handler())
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.StartTLS()
	t.Cleanup(gate.Close)
	finger := upstream.Fingerprint(gate.Certificate())

	p := newTab(t, b, w.page)
	p.fill("#server", gate.URL)
	p.click("form button")
	p.says(finger)
	p.says("Is this yours?")
	p.says("itself: O=Acme Co")
	p.judge("pin")
	if n := w.fake.Ledger().PasswordLogins("demo"); n != 0 {
		t.Errorf("%d passwords were sent before the answer", n)
	}
	p.click("form[action='/sign-in/pin'] button")
	p.says("Found it")
	p.fill("#username", "demo")
	p.fill("#password", "demo")
	p.click("form[action='/sign-in']:has(#password) button")
	p.says("You are signed in")
	signedIn := func(s health.Snapshot) bool {
		return len(s.Accounts) == 1 && s.Level == health.OK && s.Accounts[0].Socket.State == "authenticated"
	}
	w.until("the account", signedIn)

	// Another certificate than the pinned one: the account has a button for it.
	name := w.daemon.Snapshot().Accounts[0].Name
	other := upstream.GatewayChange{Pin: &upstream.Pin{SHA256: "abababababababababababababababababababababababababababababababab"}}
	if _, err := w.daemon.SetGateway(t.Context(), name, other); err != nil {
		t.Fatal(err)
	}
	_ = w.daemon.Reauthenticate(t.Context(), name) // it cannot
	p.visit(w.page+"/accounts/"+name, "Look at its certificate")
	p.judge("pin-changed")
	p.click("#certificate-" + name)
	p.says(finger)
	p.click("form[action$='/certificate'] button")
	p.says("trusted from now on")
	w.until("the account again", signedIn)
}
