package dashboard

import (
	"net/http"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// clientScope is that of the web page which a button opens: all that a user
// does, without the administration of the server. adminScope has that too.
const (
	clientScope = "full"
	adminScope  = "admin"
)

// renew tries by itself first: refresh, stored password, spare. Where only the
// user can go on it leads to the form of the account.
func (s *Server) renew(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	err := s.cfg.Daemon.Reauthenticate(r.Context(), a.Name, redact.Secret{})
	if err == nil {
		done(w, r, accountPath(a.Name), "act.renewed")
		return
	}
	after := s.asItIs(a)
	switch {
	case mends[after.Condition] == "sign-in":
		http.Redirect(w, r.Request, accountPath(a.Name, "sign-in"), http.StatusSeeOther)
	case mends[after.Condition] == "passphrase":
		http.Redirect(w, r.Request, accountPath(a.Name, "unlock"), http.StatusSeeOther)
	case mends[after.Condition] == "same-server":
		http.Redirect(w, r.Request, accountPath(a.Name, "same-server"), http.StatusSeeOther)
	default:
		s.failed(w, r, after, err)
	}
}

// askSameServer asks whose server answers before a password goes to it.
func (s *Server) askSameServer(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.page(w, r, http.StatusOK, "same-server", frame{Title: text("same.title"), Here: "home",
			Body: accountForm{accountView: s.viewOf(a, s.keys.token(r.session))}})
	}
}

// sameServer renews with the user's word that it is the account's own server.
func (s *Server) sameServer(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	if err := s.cfg.Daemon.ReauthenticateSameServer(r.Context(), a.Name); err != nil {
		s.failed(w, r, s.asItIs(a), err)
		return
	}
	done(w, r, accountPath(a.Name), "act.renewed")
}

// asItIs returns the account as it is now; as it was if it is gone.
func (s *Server) asItIs(was health.Account) health.Account {
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		if a.Name == was.Name {
			return a
		}
	}
	return was
}

// accountForm is a page about one account.
type accountForm struct {
	accountView
	User string
}

func (s *Server) askPassphrase(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.showUnlock(w, r, http.StatusOK, a, nil)
	}
}

func (s *Server) showUnlock(w http.ResponseWriter, r *request, status int, a health.Account, why *trouble) {
	s.page(w, r, status, "unlock", frame{Title: text("act.unlock"), Here: "home", Trouble: why,
		Body: accountForm{accountView: s.viewOf(a, s.keys.token(r.session))}})
}

// unlock opens a vault with a passphrase.
func (s *Server) unlock(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	pass := redact.New(r.PostFormValue("passphrase"))
	if pass.IsEmpty() {
		s.showUnlock(w, r, http.StatusUnprocessableEntity, a, &trouble{Text: text("first.pass.missing")})
		return
	}
	err := s.cfg.Daemon.Reauthenticate(r.Context(), a.Name, pass)
	p := problem.Of(err)
	switch {
	case err == nil:
		done(w, r, accountPath(a.Name), "act.renewed")
	case p.Code == problem.Vault:
		s.showUnlock(w, r, http.StatusUnprocessableEntity, a, troubleOf(err))
	default: // the vault is open; what follows is shown with the account
		s.failed(w, r, s.asItIs(a), err)
	}
}

// opening is an address that opens once, where no browser can be started.
type opening struct{ Link, Back string }

// openClient opens the server's own web page in the user's browser. The browser
// is started anew, since the players' address answers no page of another origin.
func (s *Server) openClient(w http.ResponseWriter, r *request) { s.openAs(w, r, clientScope) }

// openAdmin is openClient with what administers the server.
func (s *Server) openAdmin(w http.ResponseWriter, r *request) { s.openAs(w, r, adminScope) }

func (s *Server) openAs(w http.ResponseWriter, r *request, scope string) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	address, err := s.cfg.Daemon.OpenPage(r.Context(), a.Name, scope)
	if err != nil {
		s.failed(w, r, a, err)
		return
	}
	if s.cfg.Show != nil && s.cfg.Show(address) == nil {
		done(w, r, accountPath(a.Name), "act.opened")
		return
	}
	s.page(w, r, http.StatusOK, "opening", frame{Title: text("act.open"), Here: "home",
		Body: opening{Link: address, Back: accountPath(a.Name)}})
}
