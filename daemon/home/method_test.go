package home

import (
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/problem"
)

// A method that the server refuses names the one that is open.
func TestMethodsThatAreNotOffered(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "abs.example"}
	for _, c := range []struct {
		method  method
		methods string
		remedy  string // "": it is offered
	}{
		{byPassword, "local", ""},
		{byPassword, "local openid", ""},
		{byPassword, "", ""}, // a server that does not say
		{byPassword, "openid", "`shelfkeeper login https://abs.example --oidc`"},
		{byPassword, "other", "ask the server's admin to switch on password sign-in"},
		{byOpenID, "local openid", ""},
		{byOpenID, "openid", ""},
		{byOpenID, "local", "`shelfkeeper login https://abs.example`"},
		{byOpenID, "other", "ask the server's admin to set it up"},
		{byAPIKey, "openid", ""},
		{byLegacy, "openid", ""},
	} {
		err := c.method.offered(absapi.Server{Base: base, AuthMethods: strings.Fields(c.methods)})
		if p := problem.Of(err); (p == nil) != (c.remedy == "") || p != nil &&
			(!strings.Contains(p.Remedy, c.remedy) || p.Code != problem.Rejected) {
			t.Errorf("%s where there is %q: %+v", c.method.kind, c.methods, p)
		}
	}
}
