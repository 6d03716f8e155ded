package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// way is how a user signs in, as far as servers and words differ.
type way struct {
	method accounts.Method
	// needs is what the server must offer in authMethods; "" for nothing.
	needs  string
	secret string // what travels to the server
}

var (
	byPassword = way{accounts.Password, "local", "password"}
	byOpenID   = way{accounts.OIDC, "openid", "session"}
	byAPIKey   = way{accounts.APIKey, "", "API key"}
	byLegacy   = way{accounts.Legacy, "", "token"}
)

// offered returns nil if the server lets users in this way, or the problem,
// which names the way that is open. A server that says nothing is asked.
func (w way) offered(server absapi.Server) error {
	if w.needs == "" || len(server.AuthMethods) == 0 || slices.Contains(server.AuthMethods, w.needs) {
		return nil
	}
	openid, local := slices.Contains(server.AuthMethods, "openid"), slices.Contains(server.AuthMethods, "local")
	if w.needs == "local" {
		remedy := "ask the server's admin to switch on password sign-in"
		if openid {
			remedy = fmt.Sprintf("sign in through its OpenID provider: `shelfkeeper login %s --oidc`", server.Base)
		}
		return problem.Newf(problem.Rejected, remedy, "%s offers no password sign-in", server.Base)
	}
	remedy := "ask the server's admin to set it up"
	if local {
		remedy = fmt.Sprintf("sign in with name and password: `shelfkeeper login %s`", server.Base)
	}
	return problem.Newf(problem.Rejected, remedy, "%s offers no sign-in through OpenID", server.Base)
}

// wayOf tells by a token itself what it is, and refuses those that end by
// themselves within hours or that only a session can use.
func wayOf(secret redact.Secret) (way, absapi.Token, error) {
	const remedy = "create an API key in the server's settings (Settings, API Keys) and give that"
	token, err := absapi.ParseToken(secret)
	if err != nil {
		return way{}, token, problem.New(problem.Usage, errors.New("this is neither an API key nor a token of Audiobookshelf"), remedy)
	}
	switch token.Type {
	case "api":
		return byAPIKey, token, nil
	case "":
		return byLegacy, token, nil
	}
	return way{}, token, problem.Newf(problem.Usage, remedy, "this is the %s token of a session, which ends soon and belongs to another program", token.Type)
}

// explainToken adds to a refusal what the token says of itself.
func explainToken(err error, token absapi.Token) error {
	var answer *absapi.Error
	if !errors.As(err, &answer) || answer.Verdict != absapi.TokenRejected {
		return err
	}
	const remedy = "create a new one on the server, for a user that is enabled"
	if end := token.ExpiresAt; !end.IsZero() && end.Before(later(time.Now(), answer.ServerDate)) {
		return problem.Newf(problem.Rejected, remedy, "the API key has expired on %s: %w", end.Local().Format("2 January 2006 at 15:04"), answer)
	}
	if token.Type == "api" {
		return problem.Newf(problem.Rejected, remedy, "the server refuses this API key: it is not active, was deleted, or its user is disabled: %w", answer)
	}
	return problem.Newf(problem.Rejected, remedy, "the server refuses this token: %w", answer)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// MethodOpenID is how status names an account that signs in through OpenID.
const MethodOpenID = "openid"

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
	return remedy
}
