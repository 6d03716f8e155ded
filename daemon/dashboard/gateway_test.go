package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a gateway wants is set, listed without a secret, and taken back.
func TestGateway(t *testing.T) {
	d := newDouble(someAccount())
	d.gateway = []GatewayPart{
		{Kind: GatewayHeader, Name: "X-Gate", For: []string{"https://abs.example.org"}},
		{Kind: GatewayBasic, Name: "ann, Authorization", Logged: true},
		{Kind: GatewayCert, Name: "CN=<me>", Until: time.Now().Add(24 * time.Hour)},
		{Kind: GatewayProxy, Name: "http://proxy.lan:3128", Elsewhere: true},
	}
	w := serve(t, d, nil)
	w.get("/settings").has(t, `href="/accounts/home/gateway"`)
	w.get("/accounts/home/gateway").has(t, "X-Gate", "For https://abs.example.org.", "stands in the gateway&#39;s log", "CN=&lt;me&gt;",
		"Your config.toml or the environment says so.", "Forget it")
	const path = "/accounts/home/gateway"
	for _, fields := range [][]string{
		{"kind", "header", "name", "X-Gate", "value", "hush", "for", "https://abs.example.org http://192.168.1.5:13378"},
		{"kind", "header", "name", "X-Gate", "remove", "1"},
		{"kind", "basic", "user", "ann", "password", " hush ", "header", "Proxy-Authorization"},
		{"kind", "basic", "remove", "1"}, {"kind", "cert", "remove", "1"}, {"kind", "pin", "remove", "1"},
		{"kind", "proxy", "proxy", "direct"}, {"kind", "agent", "agent", "me/1"}, {"kind", "ca", "remove", "1"},
	} {
		if got := w.post(path, fields...); got.header.Get("Location") != path+"?done=act.gateway" {
			t.Errorf("%q: %d\n%s", fields, got.status, got.body)
		}
	}
	want := []string{"gateway home header X-Gate=hush for [https://abs.example.org http://192.168.1.5:13378]",
		"gateway home header X-Gate= for []", "gateway home basic ann: hush  in Proxy-Authorization", "gateway home basic : in ",
		"gateway home cert false false", "gateway home pin ", "gateway home proxy direct", "gateway home agent me/1", "gateway home ca "}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
	// What is not in order is said, and no secret comes back.
	for _, c := range []struct {
		says   string
		fields []string
	}{
		{"Fill in the fields first", []string{"kind", "header", "name", "X-Gate"}},
		{"Fill in the fields first", []string{"kind", "nothing"}},
		{"looks like https://abs.example.org", []string{"kind", "header", "name", "X", "value", "hush", "for", "nosuch"}},
		{"BEGIN CERTIFICATE", []string{"kind", "cert", "chain", "hush"}},
		{"A &lt;bad&gt; one", []string{"kind", "header", "name", "bad", "value", "hush"}},
	} {
		got := w.post(path, c.fields...)
		if got.status != http.StatusUnprocessableEntity || strings.Contains(got.body, "hush") {
			t.Errorf("%q: %d, or a secret shows", c.fields, got.status)
		}
		got.has(t, c.says)
	}
	if got := w.get("/accounts/other/gateway"); got.status != http.StatusNotFound {
		t.Errorf("an account that is not here: %d", got.status)
	}
}

// A first sign-in through a gateway carries what was typed once; no page holds it,
// and no other server gets it.
func TestFirstRunThroughAGateway(t *testing.T) {
	d := newDouble()
	w := serve(t, d, nil)
	gate := []string{"header1", "CF-Access-Client-Id", "value1", "hush1", "header2", "CF-Access-Client-Secret", "value2", "hush2",
		"basic", "ann", "basicpass", "hush3", "basicheader", "Authorization", "proxy", "socks5://127.0.0.1:1080"}
	got := w.post("/sign-in/look", append([]string{"server", "nowhere"}, gate...)...)
	got.has(t, `id="behind" open`)
	if strings.Contains(got.body, "hush") {
		t.Error("a secret shows")
	}
	if got := w.post("/sign-in/look", append([]string{"server", "abs.example.org"}, gate...)...); strings.Contains(got.body, "hush") {
		t.Error("a secret shows")
	}
	w.post("/sign-in", "server", "https://evil.example.org", "method", "password", "username", "alice", "password", "p")
	w.post("/sign-in/look", append([]string{"server", "abs.example.org"}, gate...)...)
	w.post("/sign-in", "server", "https://abs.example.org", "method", "password", "username", "alice", "password", "p").
		has(t, "You are signed in")
	w.post("/sign-in", "server", "https://abs.example.org", "method", "password", "username", "alice", "password", "p")
	acts := slices.DeleteFunc(d.done(), func(act string) bool { return !strings.HasPrefix(act, "sign in") })
	const with = " header CF-Access-Client-Id=hush1 for [] header CF-Access-Client-Secret=hush2 for [] basic ann:hush3 in Authorization " +
		"proxy socks5://127.0.0.1:1080"
	want := []string{"sign in|https://evil.example.org|alice|p||||", "sign in|https://abs.example.org|alice|p||||" + with,
		"sign in|https://abs.example.org|alice|p||||"}
	if !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
}
