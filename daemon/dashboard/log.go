package dashboard

import (
	"bytes"
	"net/http"
	"time"

	"shelfkeeper/daemon/redact"
)

// logLines is how much of the log is shown: what happened just now.
const logLines = 200

// reportTimeout bounds the writing of a report to a browser that does not read.
const reportTimeout = time.Minute

// logView is the end of the log.
type logView struct{ Text string }

func (s *Server) showLog(w http.ResponseWriter, r *request) {
	var out bytes.Buffer
	err := s.cfg.Daemon.TailLog(&out, logLines)
	s.page(w, r, http.StatusOK, "log", frame{Title: text("log.title"), Here: "record", Trouble: troubleOf(err),
		Body: logView{Text: redact.Text(out.String())}})
}

// report sends what a bug report needs as a file. It is made whole before, since
// half of one would look like all.
func (s *Server) report(w http.ResponseWriter, r *request) {
	var out bytes.Buffer
	if err := s.cfg.Daemon.Report(r.Context(), &out, s.checks.found()); err != nil {
		s.page(w, r, http.StatusInternalServerError, "log", frame{Title: text("log.title"), Here: "record", Trouble: troubleOf(err),
			Body: logView{}})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="shelfkeeper-report-`+time.Now().Format("2006-01-02")+`.txt"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(reportTimeout))
	_, _ = out.WriteTo(w) // a browser that went away needs no answer
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
}
