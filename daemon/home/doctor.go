package home

import (
	"context"
	"net/url"
	"strings"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// Examine asks the doctor about an account, or about a server that somebody may
// sign in to: what names no account is an address. An address without http:// or
// https:// is looked for as a sign-in does, and taken for https if nothing
// answers. Its errors are *problem.Problem.
func (h *Home) Examine(ctx context.Context, which string, long bool, progress func(string)) (doctor.Report, error) {
	up, account, err := h.subject(ctx, which)
	if err != nil {
		return doctor.Report{}, err
	}
	defer up.Close()
	budget := h.budget(up.Base())
	limit := budget.Background() // what a renewal or the user's own sign-in may need stays
	daemon := h.runningDaemon(ctx)
	s := doctor.Subject{Up: up, State: h.Paths.State, Long: long, Progress: progress,
		Spend: func() (time.Duration, error) { return limit.Take(time.Now()) },
		Renewals: func() doctor.Renewals {
			seen := budget.Seen()
			return doctor.Renewals{Cookie: seen.Cookie, CookieAt: seen.CookieAt, Limit: seen.Limit,
				Window: seen.Window, Off: seen.Off, Spent: seen.Spent}
		},
		Here: h.here(account, daemon), Dial: h.Dial,
	}
	if account != nil {
		s.Account = account.Name
		s.Session = h.sessionSeen(ctx, *account, daemon)
		if bare := h.bare(ctx, *account, up.Base()); bare != nil {
			defer bare.Close()
			s.Bare = bare
		}
	}
	report, err := doctor.Examine(ctx, s)
	if err != nil {
		return doctor.Report{}, problem.Of(err)
	}
	return report, nil
}

// subject returns the way to what is examined, and the account; nil for an address.
func (h *Home) subject(ctx context.Context, which string) (*upstream.Upstream, *accounts.Account, error) {
	if _, listed := h.Book.Get(which); which == "" || listed {
		a, err := h.accountNamed(which)
		if err != nil {
			return nil, nil, err
		}
		up, err := h.Reach(a)
		return up, &a, err
	}
	base, err := h.addressOf(ctx, which)
	if err != nil {
		return nil, nil, err
	}
	up, err := h.reach("", base, false)
	if err != nil {
		return nil, nil, problem.New(problem.Config, err, "correct "+h.Paths.Config)
	}
	return up, nil, nil
}

// bare returns the way to the server without the secrets of its gateway; nil where
// there are none, or where they cannot be read now.
func (h *Home) bare(ctx context.Context, a accounts.Account, base *url.URL) *upstream.Upstream {
	g, err := h.gateway(ctx, a.Name)
	if err != nil {
		return nil
	}
	secrets := len(h.Config.Upstream(a.Name).Headers) > 0 || len(g.Headers) > 0 || g.Basic != nil || g.ClientCert != nil
	if !secrets {
		return nil
	}
	up, err := h.reachThrough(a.Name, base, false, g)
	if err != nil {
		return nil
	}
	return up
}

// addressOf reads an address that somebody typed.
func (h *Home) addressOf(ctx context.Context, typed string) (*url.URL, error) {
	if !strings.Contains(typed, "://") {
		if server, _, _, err := h.Look(ctx, typed, upstream.GatewayChange{}); err == nil {
			return server.Base, nil
		}
		if !strings.ContainsAny(typed, ".:/[") {
			return nil, NoSuchAccount(h.Book, typed) // or a host that does not answer
		}
		typed = "https://" + typed
	}
	base, err := url.Parse(strings.TrimRight(typed, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, problem.Newf(problem.Usage, "give it as https://host or https://host/folder", "%q is not an address", redact.Text(typed))
	}
	base.User, base.RawQuery, base.Fragment = nil, "", ""
	return base, nil
}
