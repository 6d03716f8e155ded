package health

import "testing"

// A header that a gateway drops is named with each gateway's setting, and an account is
// put into a remedy, or the sign-in where there is none yet.
func TestRemedies(t *testing.T) {
	const settings = " through (nginx: proxy_set_header, Caddy: header_up, HAProxy: del-header, Apache: RequestHeader)"
	const set = "give it one: `shelfkeeper account set NAME --client-cert FILE --client-key FILE`"
	for _, c := range []struct{ got, want string }{
		{HeaderEaten.Remedy, "let the reverse proxy pass x-refresh-token" + settings},
		{TokenSuspect.Remedy, "let the reverse proxy pass Authorization" + settings + ", or check the server's log and clock"},
		{PassHeader("x-return-tokens"), "let the reverse proxy pass x-return-tokens" + settings},
		{For("home", set), "give it one: `shelfkeeper account set home --client-cert FILE --client-key FILE`"},
		{For("", set), set},
		{ForSignIn("https://abs.example", set), "give it one: `shelfkeeper login https://abs.example --client-cert FILE --client-key FILE`"},
	} {
		if c.got != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
}
