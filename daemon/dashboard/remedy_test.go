package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// Somebody without a terminal is sent to a field, never to a command: before the first
// sign-in, and for an account.
func TestRemedyOfAGatewayNamesAField(t *testing.T) {
	const at = "https://abs.example.org"
	for flags, field := range map[string]string{
		"--ca FILE": "An authority of your own", "--header HEADER": "A header", "--client-cert FILE --client-key FILE": "A client certificate",
		"--basic USER --token-in-url": "User name and password of the gateway", "--gateway cloudflare-access": "A header",
		"--gateway authelia --basic USER": "User name and password of the gateway", "--proxy direct": "A proxy",
	} {
		d := newDouble()
		d.lookFails = problem.New(problem.Unreachable, &absapi.DiscoverError{Cause: absapi.CauseGateway, Evidence: "it wants more"},
			"give it what it wants: `shelfkeeper login "+at+" "+flags+"`, which costs nothing")
		got := serve(t, d, nil).postFiles("/sign-in/look", nil, "server", at)
		got.has(t, "fill in “"+field+"” below, which costs nothing", `id="behind" open`)
		if strings.Contains(got.body, "shelfkeeper login") || got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, a command is left", flags, got.status)
		}

		a := someAccount()
		a.Level, a.Condition, a.Reason = health.Offline, health.ServerUnreachable.ID, "it wants more"
		a.Remedy = "give it what it wants: `shelfkeeper account set home " + flags + "`"
		got = serve(t, newDouble(a), nil).get("/accounts/home")
		got.has(t, "set “"+field+"” in its gateway&#39;s settings", `href="/accounts/home/gateway"`)
		if strings.Contains(got.body, "account set") {
			t.Errorf("%s: a command is left", flags)
		}
	}
}

// What is no command about a gateway stays as it is, however it looks.
func TestOtherRemediesStay(t *testing.T) {
	for _, remedy := range []string{"", "run `shelfkeeper login`", "`shelfkeeper login URL`", "`shelfkeeper login URL --store file`",
		"`shelfkeeper account set home --port 0`", "let `Upgrade` pass", "` `` `shelfkeeper login x --", "--ca"} {
		if got, changed := inForm(remedy, "gate.flag.first"); got != remedy || changed {
			t.Errorf("%q became %q", remedy, got)
		}
	}
}
