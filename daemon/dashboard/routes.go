package dashboard

import (
	"context"
	"net/http"
	"strings"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// handler answers one request that has passed the guards.
type handler func(http.ResponseWriter, *request)

// routing is what the page answers, by method and path. Parts in braces are
// read with PathValue. HEAD is answered as GET.
func (s *Server) routing() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /{$}":         s.home,
		"GET " + linkPath:  s.enter,
		"GET /events":      s.events,
		"GET /style.css":   s.file,
		"GET /page.js":     s.file,
		"GET /icon/{name}": s.icon,

		"GET /accounts/{account}":                 s.account,
		"POST /accounts/{account}/renew":          s.renew,
		"GET /accounts/{account}/same-server":     s.askSameServer,
		"POST /accounts/{account}/same-server":    s.sameServer,
		"GET /accounts/{account}/unlock":          s.askPassphrase,
		"POST /accounts/{account}/unlock":         s.unlock,
		"POST /accounts/{account}/open":           s.openClient,
		"POST /accounts/{account}/open/admin":     s.openAdmin,
		"GET /accounts/{account}/key":             s.askKey,
		"POST /accounts/{account}/key":            s.keepKey,
		"POST /accounts/{account}/forget":         s.forget,
		"POST /forget":                            s.forget,
		"GET /accounts/{account}/sign-out":        s.askSignOut,
		"POST /accounts/{account}/sign-out":       s.signOut,
		"GET /accounts/{account}/sign-in":         s.askAgain,
		"POST /accounts/{account}/sign-in":        s.again,
		"POST /accounts/{account}/sign-in/openid": s.againOpenID,

		"GET /accounts/{account}/pause":          s.askPause,
		"POST /accounts/{account}/pause":         s.pause,
		"POST /accounts/{account}/resume":        s.resume,
		"GET /accounts/{account}/reports":        s.showReports,
		"POST /accounts/{account}/reports/retry": s.retryReports,
		"POST /accounts/{account}/reports/drop":  s.dropReports,

		"GET /accounts/{account}/password":  s.askPassword,
		"POST /accounts/{account}/password": s.changePassword,
		"GET /accounts/{account}/gateway":   s.showGateway,
		"GET /accounts/{account}/check":     s.askCheck,
		"POST /accounts/{account}/check":    s.check,
		"POST /accounts/{account}/gateway":  s.setGateway,

		"GET /accounts/{account}/certificate":  s.askPin,
		"POST /accounts/{account}/certificate": s.pin,

		"GET /settings":        s.showSettings,
		"POST /settings/start": s.setStart,
		"POST /settings/port":  s.setPort,
		"POST /settings/set":   s.set,
		"POST /settings/name":  s.rename,

		"POST /settings/quit": s.quit,
		"POST /restart":       s.restart,

		"GET /search":                           s.search,
		"GET /accounts/{account}/cover/{item}":  s.cover,
		"GET /accounts/{account}/listen/{file}": s.listenTo,

		"GET /record":        s.showRecord,
		"GET /record/log":    s.showLog,
		"GET /record/report": s.report,

		"GET /players":         s.showPlayers,
		"POST /players/add":    s.addPlayer,
		"POST /players/allow":  s.allowPlayer,
		"POST /players/trust":  s.trustPlayer,
		"POST /players/revoke": s.revokePlayer,

		"GET /sign-in":                s.askAddress,
		"POST /sign-in/look":          s.look,
		"POST /sign-in":               s.signInFirst,
		"POST /sign-in/pin":           s.firstPin,
		"GET /sign-in/check":          s.askAddressCheck,
		"POST /sign-in/check":         s.checkAddress,
		"POST /sign-in/openid":        s.firstOpenID,
		"GET /sign-in/openid":         s.showOpenID,
		"POST /sign-in/openid/return": s.returnOpenID,
		"POST /sign-in/openid/skip":   s.skipOpenID,
		"POST /sign-in/openid/cancel": s.cancelOpenID,
		"POST /sign-in/openid/finish": s.finishOpenID,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, hr *http.Request) {
			r := requestOf(hr)
			r.Request = hr
			h(w, r)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, hr *http.Request) { s.say(w, requestOf(hr), notFound) })
	return mux
}

type requestKey struct{}

func requestOf(hr *http.Request) *request {
	r, _ := hr.Context().Value(requestKey{}).(*request)
	return r
}

// route hands on a request that has passed the guards.
func (s *Server) route(w http.ResponseWriter, r *request) {
	if !isFile(r.URL.Path) && r.URL.Path != linkPath && r.URL.Path != "/events" {
		r.keep(w)
	}
	s.routes.ServeHTTP(w, r.Request.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
}

// page renders a page for a browser that has a session.
func (s *Server) page(w http.ResponseWriter, r *request, status int, name string, f frame) {
	snapshot := s.cfg.Daemon.Snapshot()
	f.Version, f.Level, f.CSRF = snapshot.Version, snapshot.Level.String(), s.keys.token(r.session)
	f.Notices, f.Run = notices(snapshot), s.run
	if f.Said == "" && strings.HasPrefix(r.FormValue("done"), "act.") {
		f.Said = textOr(r.FormValue("done"), "")
	}
	f.Base = r.prefix
	s.render(w, r.prefix, status, name, f)
}

// troubleOf is an error in words.
func troubleOf(err error) *trouble {
	p := problem.Of(err)
	if p == nil {
		return nil
	}
	return &trouble{redact.Text(p.Text), redact.Text(p.Remedy)}
}

// home shows every account, or the way to the first one.
func (s *Server) home(w http.ResponseWriter, r *request) {
	snapshot := s.cfg.Daemon.Snapshot()
	if len(snapshot.Accounts) == 0 {
		http.Redirect(w, r.Request, "/sign-in", http.StatusSeeOther)
		return
	}
	s.showAccounts(w, r, http.StatusOK, snapshot.Accounts, frame{Title: text("home.title")})
}

func (s *Server) showAccounts(w http.ResponseWriter, r *request, status int, accounts []health.Account, f frame) {
	var views []accountView
	for _, a := range accounts {
		views = append(views, s.viewOf(a, s.keys.token(r.session)))
	}
	if len(views) == 1 {
		f.Title = text("account.title", views[0].Title, views[0].Words)
	}
	f.Here, f.Live, f.Body = "home", true, views
	s.page(w, r, status, "accounts", f)
}

// named returns the account of the path.
func (s *Server) named(w http.ResponseWriter, r *request) (health.Account, bool) {
	a, ok := s.listed(r.PathValue("account"))
	if !ok {
		s.say(w, r, notFound)
	}
	return a, ok
}

func (s *Server) account(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.showAccounts(w, r, http.StatusOK, []health.Account{a}, frame{})
	}
}

// done leads to a page that says what was done.
func done(w http.ResponseWriter, r *request, path, what string) {
	http.Redirect(w, r.Request, path+"?done="+what, http.StatusSeeOther)
}

// failed shows the account with what went wrong.
func (s *Server) failed(w http.ResponseWriter, r *request, a health.Account, err error) {
	s.showAccounts(w, r, http.StatusUnprocessableEntity, []health.Account{a}, frame{Trouble: troubleOf(err)})
}
