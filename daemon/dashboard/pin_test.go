package dashboard

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

var someCertificate = absapi.Unvouched{Address: "https://abs.example.org", Why: "the certificate is <not> trusted",
	SHA256: strings.Repeat("ab", 32),
	Issuer: "itself: CN=`shelf` <b>", Names: "abs.example.org", Until: time.Date(2030, 1, 2, 3, 4, 0, 0, time.UTC)}

func nobodyVouches() error {
	return problem.New(problem.Unreachable, &absapi.DiscoverError{Cause: absapi.CauseTLS, Unvouched: &someCertificate,
		Evidence: "the certificate is not trusted"}, "name the authority")
}

// A certificate that nobody vouches for is asked about, with what a person needs to know
// it again; one click goes on with it, and with what was said of a gateway.
func TestCertificateIsAskedAbout(t *testing.T) {
	d := newDouble()
	d.lookFails = nobodyVouches()
	w := serve(t, d, nil)
	got := w.postFiles("/sign-in/look", nil, "server", "abs.example.org", "header1", "X-Gate", "value1", "hush")
	got.has(t, "Is this your server", someCertificate.SHA256, "Valid until", "2 January 2030, 03:04 UTC", "Issued by",
		"&lt;b&gt;", `action="/sign-in/pin"`, "Is this yours?", "&lt;not&gt;")
	if got.status != http.StatusOK || strings.Contains(got.body, "hush") {
		t.Errorf("status %d, or a secret shows", got.status)
	}
	w.post("/sign-in/pin", "server", "abs.example.org", "pin", someCertificate.SHA256).has(t, "Found it")
	w.post("/sign-in", "server", "https://abs.example.org", "method", "password", "username", "ann", "password", "secret").
		has(t, "You are signed in")
	acts := d.done()
	for _, i := range []int{1, len(acts) - 1} {
		if !strings.Contains(acts[i], "pin "+someCertificate.SHA256) || !strings.Contains(acts[i], "header X-Gate=hush") {
			t.Errorf("the %dth of the acts %q has no pin, or no header", i, acts)
		}
	}
}

// What is wrong in another way is no question: it keeps its own words.
func TestOtherCertificateTroubleIsNoQuestion(t *testing.T) {
	for _, why := range []string{"the certificate has expired on 2020-01-01", "the certificate is for another name than abs.example.org"} {
		d := newDouble()
		d.lookFails = problem.New(problem.Unreachable, &absapi.DiscoverError{Cause: absapi.CauseTLS, Evidence: why}, "renew it")
		w := serve(t, d, nil)
		got := w.postFiles("/sign-in/look", nil, "server", "abs.example.org")
		got.has(t, why, "Renew it")
		if strings.Contains(got.body, "/sign-in/pin") {
			t.Errorf("%s: it can be pinned", why)
		}
	}
}

// An account whose certificate is not believed any more has a button for it, and no
// command. The pin holds at the address that showed the certificate.
func TestCertificateOfAnAccount(t *testing.T) {
	a := someAccount()
	a.Level, a.Condition, a.Reason = health.NeedsUser, "gateway", "the certificate is not the pinned one"
	a.Remedy = "if it is yours, run `shelfkeeper account set home --pin abab`"
	d := newDouble(a)
	w := serve(t, d, nil)
	page := w.get("/accounts/home")
	page.has(t, `href="/accounts/home/certificate"`, "Look at its certificate")
	if strings.Contains(page.body, "account set") {
		t.Error("it names a command")
	}
	d.unvouched = &someCertificate
	w.get("/accounts/home/certificate").has(t, someCertificate.SHA256, `action="/accounts/home/certificate"`)
	if got := w.post("/accounts/home/certificate", "pin", someCertificate.SHA256, "address",
		"https://abs.example.org:8443/sub"); got.header.Get(
		"Location") != "/accounts/home?done=act.pinned" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if acts := d.done(); !slices.Contains(acts, "gateway home pin "+someCertificate.SHA256+" for [https://abs.example.org:8443]") {
		t.Errorf("acts %q", acts)
	}
	d.unvouched = nil
	if got := w.get("/accounts/home/certificate"); got.header.Get("Location") != "/accounts/home/gateway?done=act.believed" {
		t.Errorf("a certificate that is believed: %d", got.status)
	}
	d.lookFails = errors.New("nothing answers")
	w.get("/accounts/home/certificate").has(t, "Nothing answers")
	if got := w.post("/accounts/home/certificate", "pin", "bad"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a pin that is none: %d", got.status)
	}
	if got := w.get("/accounts/other/certificate"); got.status != http.StatusNotFound {
		t.Errorf("no account: %d", got.status)
	}
}
