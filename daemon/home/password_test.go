package home

import (
	"fmt"
	"strings"
	"testing"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
)

// The remedy says where the password is changed if there is none here.
func TestRemediesOfAPasswordThatIsNotChanged(t *testing.T) {
	for _, c := range []struct {
		method accounts.Method
		old    string
		remedy string
	}{
		{accounts.OIDC, "", "at the provider"},
		{accounts.OIDC, "given", ""},
		{accounts.APIKey, "", "shelfkeeper login https://abs.example.org --username alice"},
		{accounts.Legacy, "given", "shelfkeeper login https://abs.example.org --username alice"},
		{accounts.Password, "", "give both"},
	} {
		a := accounts.Account{Server: "https://abs.example.org", Username: "alice", Method: c.method}
		p := problem.Of(changeProblem(a, redact.New(c.old), redact.New("new"), fmt.Errorf("%w: x", session.ErrNotChanged)))
		if p.Code != problem.Usage || !strings.Contains(p.Remedy, c.remedy) || (c.remedy == "") != (p.Remedy == "") {
			t.Errorf("%s: %+v", c.method, p)
		}
	}
}
