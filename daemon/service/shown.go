package service

import (
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
)

// MethodOpenID is how status names an account that signs in through OpenID.
const MethodOpenID = "openid"

// proxySetBy says what sets a proxy; see upstream.ProxyInUse.
var proxySetBy = map[string]string{
	"account": "the account's settings name", "config.toml": "config.toml sets", "environment": "the environment sets",
}

// shownMethod is how the account signs in, for status; kept is what the session
// goes by.
func shownMethod(a accounts.Account, kept string) string {
	switch {
	case kept == "":
		return ""
	case a.Method == accounts.OIDC:
		return MethodOpenID
	case a.Method == accounts.APIKey:
		return "api key"
	case a.Method == accounts.Legacy, kept == "token":
		return "legacy token"
	}
	return kept
}

// shownRemedy is remedy, or what helps an account that signs in in a browser.
func shownRemedy(a accounts.Account, condition, remedy string) string {
	if a.Method == accounts.OIDC && condition == health.SessionLost.ID {
		return "run `shelfkeeper reauth`, which opens your browser"
	}
	return health.For(a.Name, remedy)
}
