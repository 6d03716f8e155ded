package openid

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/absapi"
)

// ask makes one request as a browser does and follows nothing.
func ask(t *testing.T, r *http.Request) (status int, location, body string, h http.Header) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location"), string(page), resp.Header
}

func get(t *testing.T, address string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func local(t *testing.T, k *keeper) (f *Flow, callback string) {
	t.Helper()
	f, err := Start(t.Context(), First, k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	p, _ := f.Progress()
	return f, p.Flow.Redirect
}

// The person clicks once: the browser is sent on to the second authorization.
func TestBrowserIsSentOn(t *testing.T) {
	k := &keeper{fail: []error{&absapi.Error{Verdict: absapi.FlowLost}}}
	f, callback := local(t, k)
	for n, want := range []string{"https://provider.test/2", "https://provider.test/3", ""} {
		status, to, page, h := ask(t, get(t, callback+"?code=c&state=state-"+string(rune('1'+n))))
		if to != want || want == "" && (status != http.StatusOK || !strings.Contains(page, "<h1>Signed in</h1>")) {
			t.Errorf("%d: %d to %q\n%s", n, status, to, page)
		}
		if h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%d: %v", n, h)
		}
		if p, _ := f.Progress(); want != "" && !p.Sent {
			t.Errorf("%d: %+v", n, p)
		}
	}
	for _, redirect := range k.began {
		if redirect != callback {
			t.Errorf("an authorization comes back to %s", redirect)
		}
	}
}

// Other pages and programs may reach the port: nothing of what they do ends or
// steers the sign-in.
func TestListenerRefusesOthers(t *testing.T) {
	f, callback := local(t, &keeper{})
	good := callback + "?code=c&state=state-1"
	rebound := get(t, good)
	rebound.Host = "evil.example:80"
	form, err := http.NewRequestWithContext(t.Context(), http.MethodPost, good, strings.NewReader("x=y"))
	if err != nil {
		t.Fatal(err)
	}
	localhost := get(t, good)
	localhost.Host = strings.Replace(localhost.Host, "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		desc   string
		r      *http.Request
		status int
	}{
		{"a rebound name", rebound, http.StatusForbidden},
		{"another name of this machine", localhost, http.StatusForbidden},
		{"a form", form, http.StatusMethodNotAllowed},
		{"an image", get(t, good, "Sec-Fetch-Mode", "no-cors"), http.StatusForbidden},
		{"a fetch", get(t, good, "Sec-Fetch-Mode", "cors"), http.StatusForbidden},
		{"another path", get(t, strings.Replace(good, "/callback", "/", 1)), http.StatusNotFound},
		{"a guess", get(t, callback+"?code=c&state=state-2", "Sec-Fetch-Mode", "navigate"), http.StatusBadRequest},
		{"nothing", get(t, callback), http.StatusBadRequest},
		{"markup", get(t, callback+"?code=c&state=%3Cscript%3E"), http.StatusBadRequest},
	} {
		status, to, page, _ := ask(t, c.r)
		if status != c.status || to != "" || strings.Contains(page, "<script") {
			t.Errorf("%s: %d to %q\n%s", c.desc, status, to, page)
		}
	}
	if p, _ := f.Progress(); p.Step != 1 {
		t.Errorf("it went on: %+v", p)
	}
	if status, to, _, _ := ask(t, get(t, good, "Sec-Fetch-Mode", "navigate")); status != http.StatusFound ||
		to != "https://provider.test/2" {
		t.Errorf("the person: %d to %q", status, to)
	}
}

func TestLastPages(t *testing.T) {
	refused := &absapi.Error{Verdict: absapi.OpenIDRefused}
	for _, c := range []struct {
		desc, query string
		keeper      *keeper
		status      int
		says        string
	}{
		{"denied", "error=access_denied", &keeper{}, http.StatusForbidden, "did not sign you in"},
		{"refused", "code=c", &keeper{fail: []error{refused}}, http.StatusBadGateway, "the program that began it says why"},
		{"without a spare", "code=c", &keeper{begin: []error{nil, refused}}, http.StatusOK, "without a spare"},
	} {
		_, callback := local(t, c.keeper)
		status, _, page, _ := ask(t, get(t, callback+"?state=state-1&"+c.query))
		if status != c.status || !strings.Contains(page, c.says) {
			t.Errorf("%s: %d\n%s", c.desc, status, page)
		}
	}
}

// Whoever gives up closes the listener with everything that waits at it.
func TestCloseWhileABrowserWaits(t *testing.T) {
	f, err := Start(t.Context(), First, &keeper{})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := f.Progress()
	f.Close()
	if p, _ := f.Progress(); !p.Done {
		t.Errorf("%+v", p)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if resp, err := transport.RoundTrip(get(t, p.Flow.Redirect)); err == nil {
		_ = resp.Body.Close()
		t.Error("the port is still open")
	}
}
