package dashboard

import (
	"net/http"
	"time"

	"shelfkeeper/daemon/doctor"
)

// checkTimeout bounds an examination: each of its questions has 15 s.
const checkTimeout = 5 * time.Minute

// checkView is what the doctor found, or the question whether to look.
type checkView struct {
	accountView
	Report  *doctor.Report
	Primary doctor.Finding
	Rows    []checkRow
}

// verdicts are the keys of their words.
var verdicts = map[doctor.Verdict]string{doctor.OK: "check.ok", doctor.Note: "check.note", doctor.Fault: "check.fault",
	doctor.Unknown: "check.unknown"}

// checkRow is one finding.
type checkRow struct {
	doctor.Finding
	Label string // of the verdict
	Grave bool
}

// askCheck offers the examination: it uses one request of the server's limit, so
// that a reload of the page does not begin one.
func (s *Server) askCheck(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.showCheck(w, r, http.StatusOK, checkView{accountView: s.viewOf(a, s.keys.token(r.session))}, nil)
	}
}

func (s *Server) check(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(checkTimeout))
	report, err := s.cfg.Daemon.Examine(r.Context(), a.Name)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	v := checkView{accountView: s.viewOf(a, s.keys.token(r.session))}
	if err != nil {
		s.showCheck(w, r, http.StatusInternalServerError, v, err)
		return
	}
	v.Report = &report
	for _, f := range report.Findings {
		if f.ID == report.Primary {
			v.Primary = f
		}
		if f.Verdict == doctor.Unknown && f.Because != "" {
			continue
		}
		v.Rows = append(v.Rows, checkRow{f, text(verdicts[f.Verdict]), f.Verdict == doctor.Fault})
	}
	s.showCheck(w, r, http.StatusOK, v, nil)
}

func (s *Server) showCheck(w http.ResponseWriter, r *request, status int, v checkView, err error) {
	s.page(w, r, status, "check", frame{Title: text("check.title", v.Title), Here: "home", Trouble: troubleOf(err), Body: v})
}
