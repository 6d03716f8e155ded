package dashboard

import (
	"net/http"

	"shelfkeeper/daemon/health"
)

func (s *Server) askSignOut(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		v := s.viewOf(a, "")
		s.page(w, r, http.StatusOK, "sign-out", frame{Title: text("out.title", v.Title), Here: "home", Body: v})
	}
}

func (s *Server) signOut(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	err := s.cfg.Daemon.SignOut(r.Context(), a.Name)
	rest := s.cfg.Daemon.Snapshot().Accounts
	for _, left := range rest {
		if left.Name == a.Name {
			s.failed(w, r, left, err)
			return
		}
	}
	f := frame{Title: text("home.title"), Said: text("act.signedout"), Trouble: troubleOf(err)}
	if len(rest) > 0 {
		s.showAccounts(w, r, http.StatusOK, rest, f)
		return
	}
	s.showAddress(w, r, http.StatusOK, firstRun{}, f)
}

// forget forgets an account whose keychain or passphrase is gone, or what the
// vault holds of one that is not listed.
func (s *Server) forget(w http.ResponseWriter, r *request) {
	account := r.PathValue("account")
	if account == "" {
		account = r.PostFormValue("account")
	}
	said, err := s.cfg.Daemon.Forget(r.Context(), account)
	if err != nil {
		if a, ok := s.listed(account); ok {
			s.failed(w, r, a, err)
			return
		}
		s.page(w, r, http.StatusUnprocessableEntity, "forgotten", frame{Title: text("forget.title"), Here: "home", Trouble: troubleOf(err)})
		return
	}
	s.page(w, r, http.StatusOK, "forgotten", frame{Title: text("forget.title"), Here: "home", Said: text("forget.done"), Body: said})
}

func (s *Server) listed(account string) (health.Account, bool) {
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		if a.Name == account {
			return a, true
		}
	}
	return health.Account{}, false
}
