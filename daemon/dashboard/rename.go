package dashboard

import (
	"net/http"
	"strings"

	"shelfkeeper/daemon/redact"
)

// rename gives an account another name.
func (s *Server) rename(w http.ResponseWriter, r *request) {
	account, name := r.PostFormValue("account"), strings.TrimSpace(r.PostFormValue("name"))
	if err := s.cfg.Daemon.Rename(r.Context(), account, name); err != nil {
		s.settings(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, mistake{"name", account, []string{name}})
		return
	}
	done(w, r, "/settings", "act.name")
}

func (s *Server) askPassword(w http.ResponseWriter, r *request) {
	s.passwordPage(w, r, http.StatusOK, nil)
}

func (s *Server) passwordPage(w http.ResponseWriter, r *request, status int, why *trouble) {
	if a, ok := s.named(w, r); ok {
		v := s.viewOf(a, s.keys.token(r.session))
		s.page(w, r, status, "password-change", frame{Title: text("pass.title", v.Title), Here: "settings", Trouble: why, Body: v})
	}
}

// changePassword changes the password at the server. A wrong present one is one
// request, and is said at once.
func (s *Server) changePassword(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	fresh := redact.New(r.PostFormValue("new"))
	if !fresh.Matches(r.PostFormValue("again")) {
		s.passwordPage(w, r, http.StatusUnprocessableEntity, &trouble{Text: text("pass.differ")})
		return
	}
	if err := s.cfg.Daemon.ChangePassword(r.Context(), a.Name, redact.New(r.PostFormValue("old")), fresh); err != nil {
		s.passwordPage(w, r, http.StatusUnprocessableEntity, troubleOf(err))
		return
	}
	done(w, r, accountPath(a.Name), "act.changed")
}
