package home

import (
	"context"
	"net/url"
	"strings"
	"time"

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
	limit := h.budget(up.Base()).Background() // what a renewal or the user's own sign-in may need stays
	s := doctor.Subject{Up: up, Account: account, State: h.Paths.State, Long: long, Progress: progress,
		Spend: func() (time.Duration, error) { return limit.Take(time.Now()) }}
	report, err := doctor.Examine(ctx, s)
	if err != nil {
		return doctor.Report{}, problem.Of(err)
	}
	return report, nil
}

func (h *Home) subject(ctx context.Context, which string) (up *upstream.Upstream, account string, err error) {
	if _, listed := h.Book.Get(which); which == "" || listed {
		a, err := h.accountNamed(which)
		if err != nil {
			return nil, "", err
		}
		up, err = h.Reach(a)
		return up, a.Name, err
	}
	base, err := h.addressOf(ctx, which)
	if err != nil {
		return nil, "", err
	}
	if up, err = h.reach("", base, false); err != nil {
		return nil, "", problem.New(problem.Config, err, "correct "+h.Paths.Config)
	}
	return up, "", nil
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
