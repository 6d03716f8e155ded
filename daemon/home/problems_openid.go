package home

import (
	"errors"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/openid"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session/signin"
)

// allowRedirect is what an admin can do about a way back that is refused.
const allowRedirect = "ask the server's admin to add " + absapi.Scheme +
	" to the allowed mobile redirect URIs (Settings, Authentication, OpenID Connect), or to put a lone * there"

// openIDProblem explains why a sign-in through OpenID came to nothing.
func openIDProblem(err error) *problem.Problem {
	var vault *signin.VaultError
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, openid.ErrNotReturn):
		return problem.New(problem.Usage, err, "give all of it, with state= and code=")
	case errors.Is(err, openid.ErrForeign):
		return problem.New(problem.Usage, err, "use the page that this sign-in has opened, not an older one")
	case errors.Is(err, openid.ErrReplayed):
		return problem.New(problem.Usage, err, "begin anew if the sign-in did not succeed")
	case errors.Is(err, errNoRoom):
		return problem.New(problem.Unreachable, err, "wait some minutes and try again; nobody was sent to the provider. By default a server "+
			"takes 40 sign-in requests in 10 minutes from one address")
	case errors.Is(err, openid.ErrDenied):
		return problem.New(problem.Rejected, err, "try again and allow it there; if nobody was asked, the provider's admin can say why")
	case errors.Is(err, openid.ErrNobody):
		return problem.New(problem.NeedsUser, err,
			"try again; if the provider showed an error, its admin must allow the server's address (shown with --verbose), if the "+
				"browser could not open its page, the provider may be down, and if the browser showed nothing, paste the last address here")
	case errors.As(err, &vault):
		return vaultProblem(vault.Err)
	}
	return serverProblem(err)
}

// openIDVerdict explains the server's own refusals.
func openIDVerdict(e *absapi.Error) *problem.Problem {
	switch e.Verdict {
	case absapi.OpenIDOff:
		return problem.New(problem.Rejected, e, "ask the server's admin to complete the settings of OpenID Connect")
	case absapi.RedirectRefused:
		return problem.New(problem.Rejected, e, allowRedirect)
	case absapi.OpenIDRefused:
		return problem.New(problem.Rejected, e, "ask the server's admin to enable you or to link you with the provider; the "+
			"server's log says more")
	case absapi.OpenIDFailed:
		return problem.New(problem.Unreachable, e, "ask the server's admin: the server cannot reach the provider, or the client secret or "+
			"the issuer's address under Settings, Authentication, OpenID Connect is not the provider's; the server's log says which")
	case absapi.FlowLost:
		return problem.New(problem.Unreachable, e,
			"try again; if it stays so, something between here and the server takes the cookie connect.sid away")
	case absapi.HeaderEaten:
		return problem.New(problem.Unreachable, e, "let the reverse proxy pass cookies in both directions")
	}
	return nil
}
