package home

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// method is how a user signs in, as far as servers and words differ.
type method struct {
	kind accounts.Method
	// needs is what the server must offer in authMethods; "" for nothing.
	needs  string
	secret string // what travels to the server
}

var (
	byPassword = method{accounts.Password, "local", "password"}
	byOpenID   = method{accounts.OIDC, "openid", "session"}
	byAPIKey   = method{accounts.APIKey, "", "API key"}
	byLegacy   = method{accounts.Legacy, "", "token"}
)

// offered returns nil if the server offers the method, or the problem, which
// names the method that is open. A server that lists no methods may offer it.
func (m method) offered(server absapi.Server) error {
	if m.needs == "" || len(server.AuthMethods) == 0 || slices.Contains(server.AuthMethods, m.needs) {
		return nil
	}
	openid, local := slices.Contains(server.AuthMethods, "openid"), slices.Contains(server.AuthMethods, "local")
	if m.needs == "local" {
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

// methodOfToken tells an API key from a legacy token by the token itself. It
// refuses tokens that end within hours or that only a session can use.
func methodOfToken(secret redact.Secret) (method, absapi.Token, error) {
	const remedy = "create an API key in the server's settings (Settings, API Keys) and give that"
	token, err := absapi.ParseToken(secret)
	if err != nil {
		return method{}, token, problem.New(problem.Usage, errors.New("this is neither an API key nor a token of Audiobookshelf"), remedy)
	}
	switch token.Type {
	case "api":
		return byAPIKey, token, nil
	case "":
		return byLegacy, token, nil
	}
	return method{}, token, problem.Newf(problem.Usage, remedy,
		"this is the %s token of a session, which ends soon and belongs to another program", token.Type)
}

// explainToken adds to a refusal what the token says of itself.
func explainToken(err error, token absapi.Token) error {
	var answer *absapi.Error
	if !errors.As(err, &answer) || answer.Verdict != absapi.TokenRejected {
		return err
	}
	const remedy = "create a new one on the server, for a user that is enabled"
	if end := token.ExpiresAt; !end.IsZero() && end.Before(later(time.Now(), answer.ServerDate)) {
		return problem.Newf(problem.Rejected, remedy, "the API key has expired on %s: %w",
			end.Local().Format("2 January 2006 at 15:04"), answer)
	}
	if token.Type == "api" {
		return problem.Newf(problem.Rejected, remedy,
			"the server refuses this API key: it is not active, was deleted, or its user is disabled: %w", answer)
	}
	return problem.Newf(problem.Rejected, remedy, "the server refuses this token: %w", answer)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
