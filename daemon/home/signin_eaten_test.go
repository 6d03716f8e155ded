package home

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// A sign-in says whether the cookie stands in for a header that a gateway removes, and a
// sign-out whether the session ended at the server.
func TestGatewayThatRemovesTheRefreshToken(t *testing.T) {
	for desc, c := range map[string]struct {
		removed []string
		warns   string
		told    bool // the sign-out could tell the server
	}{
		"nothing":    {nil, "", true},
		"the cookie": {[]string{"Cookie"}, "", true},
		"the header": {[]string{"X-Refresh-Token"}, "is renewed with a cookie", true},
		"both":       {[]string{"X-Refresh-Token", "Cookie"}, "cannot be renewed", false},
	} {
		t.Run(desc, func(t *testing.T) {
			fake := newFake(t, absfake.Config{})
			h := testHome(t, fake)
			h.Dial = nil // over the network, as the gateway is
			front := fake.Handler()
			gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, name := range c.removed {
					r.Header.Del(name)
				}
				front.ServeHTTP(w, r)
			}))
			defer gate.Close()
			answer, err := h.SignIn(t.Context(),
				control.SignInRequest{Server: gate.URL, Username: "demo", Password: redact.New("demo"), Keep: true})
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Join(answer.Warnings, "\n"); strings.Contains(said, "renewed") != (c.warns != "") ||
				!strings.Contains(said, c.warns) {
				t.Errorf("the sign-in says %q", said)
			}
			err = h.SignOut(t.Context(), answer.Account)
			if c.told && err != nil || !c.told &&
				(problem.Of(err) == nil || !strings.Contains(problem.Of(err).Text, "did not see which session to end")) {
				t.Errorf("the sign-out says %v", err)
			}
		})
	}
}
