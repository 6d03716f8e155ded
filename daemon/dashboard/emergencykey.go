package dashboard

import (
	"net/http"
	"strconv"
	"time"

	"shelfkeeper/daemon/health"
)

// The days that an emergency key may last, and how many the page offers.
const (
	keyDays     = 30
	mostKeyDays = 365
)

// keyView is the API key of an account that stands in for a lost session.
type keyView struct {
	accountView
	Kept  stamp // its end; zero where there is none
	Days  string
	Wrong bool
}

// mayHaveKey reports whether an account may have an emergency key: an administrator who
// signs in through OpenID.
func mayHaveKey(a health.Account) bool { return a.Admin && a.Session.Method == "openid" }

func (s *Server) askKey(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.keyPage(w, r, http.StatusOK, a, strconv.Itoa(keyDays), nil)
	}
}

func (s *Server) keyPage(w http.ResponseWriter, r *request, status int, a health.Account, days string, why *trouble) {
	s.page(w, r, status, "key", frame{Title: text("key.title", titleOfAccount(a)), Here: "home", Trouble: why, Body: keyView{
		accountView: s.viewOf(a, ""), Kept: when(a.Session.EmergencyKeyEndsAt.Time, time.Now()), Days: days, Wrong: why != nil}})
}

// keepKey makes a key, or takes it away with "drop".
func (s *Server) keepKey(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	typed, said := r.PostFormValue("days"), "act.key"
	days, err := strconv.Atoi(typed)
	switch {
	case r.PostFormValue("drop") != "":
		days, typed, said = 0, strconv.Itoa(keyDays), "act.key.off"
	case err != nil || days < 1 || days > mostKeyDays:
		s.keyPage(w, r, http.StatusUnprocessableEntity, a, typed, &trouble{Text: text("key.wrong", mostKeyDays)})
		return
	}
	notes, err := s.cfg.Daemon.EmergencyKey(r.Context(), a.Name, days)
	if err != nil {
		s.keyPage(w, r, http.StatusUnprocessableEntity, a, typed, troubleOf(err))
		return
	}
	if len(notes) == 0 {
		done(w, r, accountPath(a.Name), said)
		return
	}
	s.page(w, r, http.StatusOK, "forgotten", frame{Title: text("key.title", titleOfAccount(a)), Here: "home", Said: text(said), Body: notes})
}
