package dashboard

import (
	"context"
	"net/http"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
)

// againForm asks for what only the user knows, for an account that is here.
type againForm struct {
	Title  string
	Path   string
	Cause  string
	Remedy string
	Back   string
	Keys   credentials
	storeForm
}

// askAgain shows the form of an account that needs its user, with the cause in
// words, the user name filled in and the method it had.
func (s *Server) askAgain(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.showAgain(w, r, http.StatusOK, a, credentials{Keep: a.Session.Method != "session only"}, nil)
	}
}

func (s *Server) showAgain(w http.ResponseWriter, r *request, status int, a health.Account, keys credentials, why *trouble) {
	known, _ := s.cfg.Daemon.Known(a.Name)
	keys.Path = accountPath(a.Name, "sign-in")
	keys.Local, keys.OpenID, keys.Token = known.Method == ByPassword, known.Method == ByOpenID, known.Method != ByOpenID
	if known.Method == ByToken {
		keys.Local = false
	}
	if keys.User == "" {
		keys.User = known.User
	}
	keys.Focused = "password"
	title := titleOfAccount(a)
	s.page(w, r, status, "again", frame{Title: text("again.title", title), Here: "home", Trouble: why, Body: againForm{
		Title: title, Path: keys.Path, Cause: a.Reason, Remedy: textOr("remedy."+a.Condition, a.Remedy), Back: accountPath(a.Name),
		Keys: keys, storeForm: s.storeForm(r, keys.Wrong),
	}})
}

// again signs an account in once more. A wrong password is one request, and is
// said at once.
func (s *Server) again(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	in, wrong, why := s.typed(r)
	if why == nil {
		known, _ := s.cfg.Daemon.Known(a.Name)
		in.Server, in.Account, in.AllowHTTP, in.Store = known.Server, a.Name, known.AllowHTTP, ""
		_, err := s.cfg.Daemon.SignIn(r.Context(), in)
		if err == nil {
			done(w, r, accountPath(a.Name), "act.renewed")
			return
		}
		if u := unvouched(err); u != nil {
			s.showPin(w, r, http.StatusOK, u, pinForm{Path: accountPath(a.Name, "certificate"), Back: accountPath(a.Name)})
			return
		}
		why = troubleOf(err)
	}
	if wrong == "" {
		wrong = "password"
		if r.PostFormValue("method") == string(ByToken) {
			wrong = "token"
		}
	}
	s.showAgain(w, r, http.StatusUnprocessableEntity, s.asItIs(a), credentials{User: in.Username, Keep: in.Keep, Wrong: wrong}, why)
}

// openIDForm is the page of a sign-in in the browser.
type openIDForm struct {
	flowState
	Title   string
	Trouble *trouble
	CSRF    string
}

// againOpenID makes the sessions that an account lacks.
func (s *Server) againOpenID(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.beginOpenID(w, r, OpenID{Account: a.Name, Renew: true, Passphrase: redact.New(r.PostFormValue("passphrase"))})
	}
}

// firstOpenID signs in to a server in the browser.
func (s *Server) firstOpenID(w http.ResponseWriter, r *request) {
	in, wrong, why := s.typed(r)
	if why == nil {
		s.beginOpenID(w, r, OpenID{Server: in.Server, AllowHTTP: in.AllowHTTP, Store: in.Store, Passphrase: in.Passphrase,
			Gateway: in.Gateway})
		return
	}
	found, err := s.cfg.Daemon.Look(r.Context(), in.Server, in.Gateway)
	if u := unvouched(err); u != nil {
		s.askFirstPin(w, r, in.Server, in.Gateway, u)
		return
	}
	if err != nil {
		s.showAddress(w, r, http.StatusUnprocessableEntity, firstRun{Typed: redact.Text(in.Server)}, frame{Trouble: troubleOf(err)})
		return
	}
	s.showWays(w, r, http.StatusUnprocessableEntity, found, credentials{Keep: true, Wrong: wrong}, why)
}

func (s *Server) beginOpenID(w http.ResponseWriter, r *request, in OpenID) {
	s.signIn.start(s.ctx, in.Account, func(ctx context.Context, show func(Step) error) error {
		return s.cfg.Daemon.SignInOpenID(ctx, in, show)
	}, s.cfg.TakeScheme)
	http.Redirect(w, r.Request, "/sign-in/openid", http.StatusSeeOther)
}

func (s *Server) showOpenID(w http.ResponseWriter, r *request) {
	s.showFlow(w, r, http.StatusOK, nil)
}

func (s *Server) showFlow(w http.ResponseWriter, r *request, status int, why *trouble) {
	now := s.signIn.state()
	f := frame{Title: text("openid.title"), Here: "home", Live: true, Trouble: why}
	form := openIDForm{flowState: now, CSRF: s.keys.token(r.session)}
	if now.Ended && now.Err != nil {
		form.Trouble = troubleOf(now.Err)
	}
	if now.Answer != nil {
		form.Title = titleOf(now.Answer.User, now.Answer.Server, now.Answer.Account)
	}
	f.Body = form
	s.page(w, r, status, "openid", f)
}

// returnOpenID takes the address that a person pasted.
func (s *Server) returnOpenID(w http.ResponseWriter, r *request) {
	if err := s.cfg.Daemon.ReturnOpenID(r.Context(), r.PostFormValue("address")); err != nil {
		s.showFlow(w, r, http.StatusUnprocessableEntity, troubleOf(err))
		return
	}
	http.Redirect(w, r.Request, "/sign-in/openid", http.StatusSeeOther)
}

func (s *Server) skipOpenID(w http.ResponseWriter, r *request) {
	if err := s.cfg.Daemon.SkipOpenID(r.Context(), s.signIn.state().Step.State); err != nil {
		s.showFlow(w, r, http.StatusUnprocessableEntity, troubleOf(err))
		return
	}
	http.Redirect(w, r.Request, "/sign-in/openid", http.StatusSeeOther)
}

func (s *Server) cancelOpenID(w http.ResponseWriter, r *request) {
	s.signIn.end()
	s.signIn.forget()
	http.Redirect(w, r.Request, "/", http.StatusSeeOther)
}

// finishOpenID shows once what the sign-in brought: its answer is the one to the
// act of the user, and nothing is kept of it.
func (s *Server) finishOpenID(w http.ResponseWriter, r *request) {
	was := s.signIn.forget()
	switch {
	case !was.Ended:
		http.Redirect(w, r.Request, "/sign-in/openid", http.StatusSeeOther)
	case was.Answer == nil && was.Account != "":
		done(w, r, accountPath(was.Account), "act.renewed")
	case was.Answer == nil:
		http.Redirect(w, r.Request, "/", http.StatusSeeOther)
	case was.Account != "":
		done(w, r, accountPath(was.Answer.Account), "act.renewed")
	default:
		s.showDone(w, r, *was.Answer)
	}
}
