package dashboard

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
)

// reportsView is what the server refused of an account.
type reportsView struct {
	accountView
	Reports []reportView
}

// reportView is one report of listening.
type reportView struct {
	ID         uint64
	At         stamp
	Item, Time string
	Reason     string
	Lost       bool // only the reason is kept
}

func (s *Server) showReports(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.reportsPage(w, r, http.StatusOK, a, nil)
	}
}

func (s *Server) reportsPage(w http.ResponseWriter, r *request, status int, a health.Account, why *trouble) {
	list, err := s.cfg.Daemon.SetAside(r.Context(), a.Name)
	if why == nil {
		why = troubleOf(err)
	}
	v, now := reportsView{accountView: s.viewOf(a, s.keys.token(r.session))}, time.Now()
	for _, one := range list {
		shown := reportView{ID: one.ID, At: when(one.At, now), Item: one.Item, Reason: redact.Text(one.Reason), Lost: !one.Retryable}
		if one.Seconds > 0 {
			shown.Time = (time.Duration(one.Seconds) * time.Second).String()
		}
		v.Reports = append(v.Reports, shown)
	}
	s.page(w, r, status, "reports", frame{Title: text("reports.title"), Here: "home", Trouble: why, Body: v})
}

func (s *Server) retryReports(w http.ResponseWriter, r *request) {
	s.aboutReports(w, r, "act.retried", s.cfg.Daemon.RetrySetAside)
}

func (s *Server) dropReports(w http.ResponseWriter, r *request) {
	s.aboutReports(w, r, "act.dropped", s.cfg.Daemon.DropSetAside)
}

// aboutReports acts on the reports that the user has chosen, and on no later one.
func (s *Server) aboutReports(w http.ResponseWriter, r *request, said string,
	act func(ctx context.Context, account string, ids []uint64) error) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	var ids []uint64
	for _, text := range r.PostForm["id"] {
		if id, err := strconv.ParseUint(text, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 { // which would mean all
		s.reportsPage(w, r, http.StatusUnprocessableEntity, a, &trouble{Text: text("reports.pick")})
		return
	}
	if err := act(r.Context(), a.Name, ids); err != nil {
		s.failed(w, r, a, err)
		return
	}
	done(w, r, accountPath(a.Name), said)
}
