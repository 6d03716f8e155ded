package conformance

import (
	"context"
	"net/http"
	"time"
)

// outcome is how the recorder noted a refresh.
func (w *World) outcome(ctx context.Context, refresh string) (members, session, error) {
	a, err := w.do(ctx, "POST", "/auth/refresh", nil, "x-refresh-token", refresh)
	if err != nil {
		return nil, session{}, err
	}
	o, err := a.json()
	if err != nil {
		return nil, session{}, err
	}
	if a.StatusCode != http.StatusOK {
		return members{{"status", a.StatusCode}, {"body", o.text("error")}}, session{}, nil
	}
	v, _ := o.get("user")
	user, _ := v.(members)
	return members{{"status", a.StatusCode}, {"body", "ok"}}, session{user.text("accessToken"), user.text("refreshToken")}, nil
}

func asMap(m members) map[string]any {
	out := map[string]any{}
	for _, e := range m {
		out[e.key] = e.value
	}
	return out
}

// collide has two sessions of one user do the same within one second.
func (w *World) collide(ctx context.Context, i int) (any, error) {
	name := w.colliding(i)
	two := func(apart time.Duration) (a, b session, err error) {
		freshSecond()
		if a, err = w.session(ctx, name); err != nil {
			return a, b, err
		}
		if apart > 0 {
			freshSecond()
		}
		b, err = w.session(ctx, name)
		return a, b, err
	}
	a, b, err := two(0)
	if err != nil {
		return nil, err
	}
	if _, err := w.do(ctx, "POST", "/logout", nil, "x-refresh-token", a.refresh); err != nil {
		return nil, err
	}
	after, _, err := w.outcome(ctx, b.refresh)
	if err != nil {
		return nil, err
	}
	logins := map[string]any{
		"iatEqual": true, "sameRefreshToken": a.refresh == b.refresh, "sameAccessToken": a.access == b.access,
		"afterLogoutOfFirst_refreshOfSecond": asMap(after),
	}

	together := func() (a, b session, before bool, statuses []int, err error) {
		first, second, err := two(time.Second)
		if err != nil {
			return a, b, false, nil, err
		}
		freshSecond()
		a, s1, err := w.rotate(ctx, first.refresh)
		if err != nil {
			return a, b, false, nil, err
		}
		b, s2, err := w.rotate(ctx, second.refresh)
		return a, b, first.refresh != second.refresh, []int{s1, s2}, err
	}
	a, b, before, statuses, err := together()
	if err != nil {
		return nil, err
	}
	freshSecond()
	next, status, err := w.rotate(ctx, a.refresh)
	if err != nil {
		return nil, err
	}
	freshSecond()
	then, other, err := w.outcome(ctx, b.refresh)
	if err != nil {
		return nil, err
	}
	second := asMap(then)
	second["gotSameTokenAsFirst"] = other.refresh != "" && other.refresh == next.refresh
	refreshes := map[string]any{
		"differentBefore": before, "statuses": statuses, "iatEqual": true, "sameRefreshTokenAfter": a.refresh == b.refresh,
		"thenFirstRefreshes": status, "thenSecondRefreshes": second,
	}

	a, b, _, _, err = together()
	if err != nil {
		return nil, err
	}
	if _, err := w.do(ctx, "POST", "/logout", nil, "x-refresh-token", a.refresh); err != nil {
		return nil, err
	}
	last, _, err := w.outcome(ctx, b.refresh)
	return map[string]any{
		"loginsInSameSecond": logins, "refreshesInSameSecond": refreshes,
		"refreshesInSameSecond_thenFirstLogsOut": map[string]any{"collided": a.refresh == b.refresh, "secondRefresh": asMap(last)},
	}, err
}

// colliding is a user other than the one whose sessions are counted later.
func (w *World) colliding(i int) string {
	for _, h := range w.plan.tokens {
		if name := w.rec.Tokens[h].text("username"); name != "" && name != w.someone(0) && name != "root" {
			return name
		}
	}
	return w.someone(i)
}
