package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"shelfkeeper/daemon/absfake"
)

// freshSecond waits for the beginning of a second in which nothing has happened.
func freshSecond() {
	sleepUntil(time.Now().Truncate(time.Second).Add(time.Second + intoSecond))
}

// someone is the user whose sessions the procedures may spoil: whoever's tokens
// the next recorded case that has any uses, so that the sessions add up.
func (w *World) someone(i int) string {
	for _, c := range w.Cases[i:] {
		for _, h := range holders.FindAllString(c.sent()+c.heard(), -1) {
			if name := w.rec.Tokens[h].text("username"); name != "" {
				return name
			}
		}
	}
	return "root"
}

// session is one of ours.
type session struct{ access, refresh string }

func (w *World) session(ctx context.Context, name string) (session, error) {
	user, _, err := w.login(ctx, name)
	return session{user.text("accessToken"), user.text("refreshToken")}, err
}

// rotate refreshes; the session is empty where that was refused.
func (w *World) rotate(ctx context.Context, refresh string) (session, int, error) {
	user, status, err := w.refresh(ctx, refresh)
	return session{user.text("accessToken"), user.text("refreshToken")}, status, err
}

func (w *World) refreshAtOnce(ctx context.Context, i int) (any, error) {
	freshSecond()
	first, err := w.session(ctx, w.someone(i))
	if err != nil {
		return nil, err
	}
	second, status, err := w.rotate(ctx, first.refresh)
	if err != nil {
		return nil, err
	}
	_, again, err := w.rotate(ctx, first.refresh)
	return map[string]any{
		"status": status, "sameSecondAsIssue": true, "refreshTokenUnchanged": first.refresh == second.refresh,
		"accessTokenUnchanged": first.access == second.access, "oldRefreshTokenStillWorks": again,
	}, err
}

// refreshNext uses the token that the case before handed out, where it did.
func (w *World) refreshNext(ctx context.Context, i int) (any, error) {
	token := ""
	for _, h := range holders.FindAllString(w.Cases[i-1].heard(), -1) {
		if w.rec.Tokens[h].text("type") == absfake.TokenRefresh {
			token = w.own[h]
		}
	}
	_, status, err := w.rotate(ctx, token)
	return map[string]any{"status": status}, err
}

// tenAtOnce refreshes with one token ten times at once, as often as recorded.
// How the requests fall is chance: releases without grace refused up to four of
// ten now and then, and are taken to be alike if no round is worse.
func (w *World) tenAtOnce(ctx context.Context, i int) (any, error) {
	v, err := decode(w.Cases[i].Observed)
	if err != nil {
		return nil, err
	}
	recorded, _ := v.([]any)
	var rounds []map[string]any
	for n := range recorded {
		freshSecond()
		first, err := w.session(ctx, w.someone(i))
		if err != nil {
			return nil, err
		}
		freshSecond()
		statuses, refresh, access := map[string]int{}, map[string]bool{}, map[string]bool{}
		var mu sync.Mutex
		var all sync.WaitGroup
		var failed error
		for range 10 {
			all.Go(func() {
				s, status, err := w.rotate(ctx, first.refresh)
				mu.Lock()
				defer mu.Unlock()
				failed = cmpErr(failed, err)
				statuses[fmt.Sprint(status)]++
				if status == http.StatusOK {
					refresh[s.refresh], access[s.access] = true, true
				}
			})
		}
		all.Wait()
		if failed != nil {
			return nil, failed
		}
		if r, ok := recorded[n].(members); ok {
			statuses = chance(r, statuses)
		}
		rounds = append(rounds, map[string]any{"statuses": statuses, "distinctRefreshTokens": len(refresh),
			"distinctAccessTokens": len(access)})
	}
	return rounds, nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// chance takes the recorded statuses for ours where both are all of 200 and 401
// and some of the recorded ones were refused.
func chance(recorded members, ours map[string]int) map[string]int {
	v, _ := recorded.get("statuses")
	r, _ := v.(members)
	keys := r.keys()
	if !slices.Contains(keys, "401") || ours["200"]+ours["401"] != 10 || ours["200"] == 0 {
		return ours
	}
	out := map[string]int{}
	for _, e := range r {
		n, _ := e.value.(float64)
		out[e.key] = int(n)
	}
	return out
}

// raceLogout sends a refresh and a logout with one token together.
func (w *World) raceLogout(ctx context.Context, i int) (any, error) {
	v, err := decode(w.Cases[i].Observed)
	if err != nil {
		return nil, err
	}
	recorded, _ := v.([]any)
	var out []map[string]any
	for _, r := range recorded {
		o, _ := r.(members)
		n, _ := o.get("times")
		times, _ := n.(float64)
		same := 0
		var round map[string]any
		for range int(times) {
			if round, err = w.raceOnce(ctx, i); err != nil {
				return nil, err
			}
			same++
		}
		round["times"] = same
		out = append(out, round)
	}
	return out, nil
}

func (w *World) raceOnce(ctx context.Context, i int) (map[string]any, error) {
	freshSecond()
	first, err := w.session(ctx, w.someone(i))
	if err != nil {
		return nil, err
	}
	freshSecond()
	var all sync.WaitGroup
	var refreshed members
	var next session
	var failed error
	logout := 0
	all.Go(func() { refreshed, next, failed = w.outcome(ctx, first.refresh) })
	a, err := w.do(ctx, "POST", "/logout", nil, "x-refresh-token", first.refresh)
	all.Wait()
	if err := cmpErr(err, failed); err != nil {
		return nil, err
	}
	logout = a.StatusCode
	o := asMap(refreshed)
	out := map[string]any{"refresh": o["status"], "refreshError": o["body"], "logout": logout, "newTokenWorksAfter": nil}
	if next.refresh != "" {
		out["refreshError"] = nil
		_, status, err := w.rotate(ctx, next.refresh)
		if err != nil {
			return nil, err
		}
		out["newTokenWorksAfter"] = status
	}
	return out, nil
}
