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
		callSame: command(log, "reauth same-server", func(ctx context.Context, in accountWire) (nothing, error) {
			return nothing{}, d.ReauthenticateSameServer(ctx, in.Account)
		}),
		callLogin: command(log, "login", func(ctx context.Context, in signInWire) (answerWire, error) {
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
		callForget: command(log, "forget", func(ctx context.Context, in accountWire) (saidWire, error) {
			said, err := d.Forget(ctx, in.Account)
			return saidWire{said}, err
		}),
		callPlayers: command(log, "players", func(ctx context.Context, in accountWire) (playersWire, error) {
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
		callOpen: command(log, "open", func(ctx context.Context, in playerWire) (openWire, error) {
			url, err := d.OpenPage(ctx, in.Account, in.Scope)
			return openWire{url}, err
		}),
		callPage: command(log, "page", func(ctx context.Context, in accountWire) (openWire, error) {
			url, err := d.PageLink(ctx, in.Account)
			return openWire{url}, err
		}),
		callPassword: command(log, "password", func(ctx context.Context, in passwordWire) (nothing, error) {
			return nothing{}, d.ChangePassword(ctx, in.Account, redact.New(in.Old), redact.New(in.New))
		}),
		callRename: command(log, "rename", func(ctx context.Context, in renameWire) (nothing, error) {
			return nothing{}, d.Rename(ctx, in.Account, in.To)
		}),
		callPort: command(log, "port", func(ctx context.Context, in portWire) (urlWire, error) {
			url, err := d.SetPort(ctx, in.Account, in.Port)
			return urlWire{url}, err
		}),
		callQuit: func(w http.ResponseWriter, r *http.Request) {
			if !perform(w, r, log, "quit", func(context.Context, nothing) (nothing, error) { return nothing{}, nil }) {
				return
			}
			// The answer leaves before the daemon begins to end.
			_ = http.NewResponseController(w).Flush()
			d.Quit()
		},
	}
	if t, ok := d.(TrayReports); ok {
		table[callTray] = command(log, "tray", func(_ context.Context, in health.Tray) (nothing, error) {
			t.ReportTray(in)
			return nothing{}, nil
		})
	}
	if p, ok := d.(Pausing); ok {
		maps.Copy(table, pauseRoutes(p, log))
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
		maps.Copy(table, restartRoutes(r, log))
	}
	if o, ok := d.(OpenID); ok {
		table[callOpenID] = func(w http.ResponseWriter, r *http.Request) { streamSteps(w, r, o, log) }
		maps.Copy(table, returnRoutes(o, log))
	}
	return exactly(table)
}

// returnRoutes are the calls for browsers that return from an OpenID provider.
func returnRoutes(to Returns, log *slog.Logger) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callPing: func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, nothing{}) },
		callOpenIDReturn: command(log, "openid return", func(ctx context.Context, in returnWire) (nothing, error) {
			return nothing{}, to.ReturnOpenID(ctx, in.Address)
		}),
		callOpenIDSkip: command(log, "openid skip", func(ctx context.Context, in skipWire) (nothing, error) {
			return nothing{}, to.SkipOpenID(ctx, in.State)
		}),
	}
}

// exactly answers the calls of the table and no others.
func exactly(table map[string]http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := table[r.Method+" "+r.URL.Path]
		if !ok {
			reply(w, http.StatusNotFound, problem.Newf(problem.Other, "", "the daemon knows no such call"))
			return
		}
		h(w, r)
	})
}

// command returns a handler that performs do.
func command[In, Out any](log *slog.Logger, name string, do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { perform(w, r, log, name, do) }
}

// perform reads the body, calls do and answers. It reports whether do succeeded.
// The context of do ends when the client goes away or the server closes.
func perform[In, Out any](
	w http.ResponseWriter, r *http.Request, log *slog.Logger, name string, do func(context.Context, In) (Out, error),
) bool {
	var in In
	if no := receive(w, r, &in); no != nil {
		reply(w, no.status, problem.Newf(problem.Other, "", "the daemon refused the request: %s", no.reason))
		return false
	}
	log.LogAttrs(r.Context(), slog.LevelInfo, "control command", slog.String("command", name))
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
