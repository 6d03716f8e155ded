package service

import (
	"testing"

	"shelfkeeper/daemon/accounts"
)

func TestShownMethod(t *testing.T) {
	for _, c := range []struct {
		method     accounts.Method
		kept, want string
	}{
		{accounts.Password, "password", "password"},
		{accounts.Password, "session only", "session only"},
		{accounts.Password, "token", "legacy token"},
		{accounts.OIDC, "session only", "openid"},
		{accounts.APIKey, "token", "api key"},
		{accounts.Legacy, "token", "legacy token"},
		{accounts.OIDC, "", ""},
	} {
		if got := shownMethod(accounts.Account{Method: c.method}, c.kept); got != c.want {
			t.Errorf("%s that goes by %q: %q", c.method, c.kept, got)
		}
	}
}
