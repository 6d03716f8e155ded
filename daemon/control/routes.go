package control

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// routes answers guarded requests. Paths match exactly: none is cleaned,
// redirected or guessed.
func routes(d Daemon, log *slog.Logger) http.Handler {
	table := map[string]http.HandlerFunc{
		callPing:     func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, nothing{}) },
		callSnapshot: func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, d.Snapshot()) },
		callEvents:   func(w http.ResponseWriter, r *http.Request) { stream(w, r, d) },

		callReauth: command(log, "reauth", func(ctx context.Context, in accountWire) (nothing, error) {
			return nothing{}, d.Reauthenticate(ctx, in.Account)
		}),
		callSame: command(log, "reauth --same-server", func(ctx context.Context, in accountWire) (nothing, error) {
			return nothing{}, d.ReauthenticateSameServer(ctx, in.Account)
		}),
		callLogin: unlogged(func(ctx context.Context, in signInWire) (answerWire, error) {
			req, err := in.request()
			if err != nil {
				return answerWire{}, err
			}
			out, err := d.SignIn(ctx, req)
			return answerWire(out), err
		}),
		callLogout: command(log, "logout", func(ctx context.Context, in accountWire) (nothing, error) {
			return nothing{}, d.SignOut(ctx, in.Account)
		}),
		callForget: command(log, "logout --forget", func(ctx context.Context, in accountWire) (saidWire, error) {
			said, err := d.Forget(ctx, in.Account)
			return saidWire{said}, err
		}),
		callPlayers: unlogged(func(ctx context.Context, in accountWire) (playersWire, error) {
			list, err := d.Players(ctx, in.Account)
			return playersWire{list}, err
		}),
		callAdd: command(log, "players add", func(ctx context.Context, in playerWire) (newPlayerWire, error) {
			out, err := d.AddPlayer(ctx, in.Account, in.Player, in.Scope)
			return newPlayerWire{out.Secret.Reveal(), out.Account, out.ProxyURL}, err
		}),
		callTrust: command(log, "players trust", func(ctx context.Context, in playerWire) (nothing, error) {
			return nothing{}, d.TrustPlayer(ctx, in.Account, in.Player, in.Origin)
		}),
		callRevoke: command(log, "players revoke", func(ctx context.Context, in playerWire) (nothing, error) {
			return nothing{}, d.RevokePlayer(ctx, in.Account, in.Player)
		}),
		callOpen: unlogged(func(ctx context.Context, in playerWire) (openWire, error) {
			url, err := d.OpenPage(ctx, in.Account, in.Scope)
			return openWire{url}, err
		}),
		callPage: unlogged(func(ctx context.Context, in accountWire) (openWire, error) {
			url, err := d.PageLink(ctx, in.Account)
			return openWire{url}, err
		}),
		callPassword: command(log, "password", func(ctx context.Context, in passwordWire) (nothing, error) {
			return nothing{}, d.ChangePassword(ctx, in.Account, redact.New(in.Old), redact.New(in.New))
		}),
		callRename: command(log, "account rename", func(ctx context.Context, in renameWire) (nothing, error) {
			return nothing{}, d.Rename(ctx, in.Account, in.To)
		}),
		callPort: command(log, "account set --port", func(ctx context.Context, in portWire) (urlWire, error) {
			url, err := d.SetPort(ctx, in.Account, in.Port)
			return urlWire{url}, err
		}),
		callQuit: func(w http.ResponseWriter, r *http.Request) {
			if !perform(w, r, func(context.Context, nothing) (nothing, error) { return nothing{}, nil }) {
				return
			}
			// The answer leaves before the daemon begins to end.
			_ = http.NewResponseController(w).Flush()
			d.Quit()
		},
	}
	if t, ok := d.(TrayReports); ok {
		table[callTray] = unlogged(func(_ context.Context, in health.Tray) (nothing, error) {
			t.ReportTray(in)
			return nothing{}, nil
		})
	}
	if p, ok := d.(Pausing); ok {
		maps.Copy(table, pauseRoutes(p))
	}
	if p, ok := d.(Preparing); ok {
		maps.Copy(table, prepareRoutes(p))
	}
	if g, ok := d.(Gateways); ok {
		maps.Copy(table, gatewayRoutes(g, log))
	}
	if k, ok := d.(EmergencyKeys); ok {
		maps.Copy(table, emergencyKeyRoutes(k, log))
	}
	if r, ok := d.(Reports); ok {
		maps.Copy(table, reportRoutes(r, log))
	}
	if r, ok := d.(Restarts); ok {
		maps.Copy(table, restartRoutes(r))
	}
	if s, ok := d.(Shelves); ok {
		maps.Copy(table, shelfRoutes(s))
	}
	if o, ok := d.(OpenID); ok {
		table[callOpenID] = func(w http.ResponseWriter, r *http.Request) { streamSteps(w, r, o) }
		maps.Copy(table, returnRoutes(o))
	}
	return exactly(table)
}

// returnRoutes are the calls for browsers that return from an OpenID provider.
func returnRoutes(to Returns) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callPing: func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, nothing{}) },
		callOpenIDReturn: unlogged(func(ctx context.Context, in returnWire) (nothing, error) {
			return nothing{}, to.ReturnOpenID(ctx, in.Address)
		}),
		callOpenIDSkip: unlogged(func(ctx context.Context, in skipWire) (nothing, error) {
			return nothing{}, to.SkipOpenID(ctx, in.State)
		}),
	}
}

// exactly answers the calls of the table and no others.
func exactly(table map[string]http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := table[r.Method+" "+r.URL.Path]
		if !ok {
			reply(w, http.StatusNotFound, problem.Newf(problem.Other,
				"end it and start it anew, so that both are of one version: `shelfkeeper quit`", "the daemon knows no such call"))
			return
		}
		h(w, r)
	})
}

// command returns a handler that performs do, and logs what was done.
func command[In, Out any](log *slog.Logger, name string, do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return unlogged(func(ctx context.Context, in In) (Out, error) {
		out, err := do(ctx, in)
		if err != nil {
			log.InfoContext(ctx, "asked for, and not done: "+name, "reason", err)
		} else {
			log.InfoContext(ctx, "done as asked: "+name)
		}
		return out, err
	})
}

// unlogged returns a handler that performs do. It changes nothing, or says itself
// what it changes.
func unlogged[In, Out any](do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { perform(w, r, do) }
}

// perform reads the body, calls do and answers. It reports whether do succeeded.
// The context of do ends when the client goes away or the server closes.
func perform[In, Out any](w http.ResponseWriter, r *http.Request, do func(context.Context, In) (Out, error)) bool {
	var in In
	if no := receive(w, r, &in); no != nil {
		reply(w, no.status, problem.Newf(problem.Other, "", "the daemon refused the request: %s", no.reason))
		return false
	}
	out, err := do(r.Context(), in)
	if err != nil {
		if cause := context.Cause(r.Context()); errors.Is(cause, errClosing) {
			err = problem.New(problem.Other, cause, "start it again and repeat the command")
		}
		reply(w, http.StatusUnprocessableEntity, problem.Of(err))
		return false
	}
	reply(w, http.StatusOK, out)
	return true
}
