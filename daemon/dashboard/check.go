package dashboard

import (
	"context"
	"net/http"
	"strings"

	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/redact"
)

// checkView is what the doctor found, is looking at, or is asked to look at.
type checkView struct {
	checkRun
	Title, Path, Back string
	Server            string // the address, where it is no account's
	Failed            *trouble
	Primary           doctor.Finding
	Rows              []checkRow
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

// Follows reports whether another fault brings this one about.
func (r checkRow) Follows() bool { return r.Because != "" && r.Because != r.ID }

// addressCheck is the key of an examination of an address without an account.
const addressCheck = ""

// askCheck shows the examination of an account, or offers one: it uses one request
// of the server's limit, so that a reload of the page begins none.
func (s *Server) askCheck(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.showCheck(w, r, http.StatusOK, s.checks.of(a.Name), checkView{Title: titleOfAccount(a), Path: accountPath(a.Name, "check"),
			Back: accountPath(a.Name)}, nil)
	}
}

func (s *Server) check(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.examine(r, a.Name, a.Name)
		http.Redirect(w, r.Request, accountPath(a.Name, "check"), http.StatusSeeOther)
	}
}

// askAddressCheck is askCheck for an address that nobody has signed in to.
func (s *Server) askAddressCheck(w http.ResponseWriter, r *request) {
	s.showAddressCheck(w, r, http.StatusOK, nil)
}

func (s *Server) showAddressCheck(w http.ResponseWriter, r *request, status int, why *trouble) {
	s.mu.Lock()
	server := s.checked
	s.mu.Unlock()
	run := s.checks.of(addressCheck)
	v := checkView{Title: server, Path: "/sign-in/check", Back: "/sign-in", Server: server}
	if why != nil {
		run = checkRun{}
	}
	s.showCheck(w, r, status, run, v, why)
}

func (s *Server) checkAddress(w http.ResponseWriter, r *request) {
	server := strings.TrimSpace(r.PostFormValue("server"))
	if server == "" {
		s.showAddressCheck(w, r, http.StatusUnprocessableEntity, &trouble{Text: text("first.empty")})
		return
	}
	if run := s.checks.of(addressCheck); !run.Running {
		s.mu.Lock()
		s.checked = redact.Text(server)
		s.mu.Unlock()
		s.examine(r, addressCheck, server)
	}
	http.Redirect(w, r.Request, "/sign-in/check", http.StatusSeeOther)
}

func (s *Server) examine(r *request, key, which string) {
	long := r.PostFormValue("long") != ""
	s.checks.start(s.ctx, key, long, s.background, func(ctx context.Context, progress func(string)) (doctor.Report, error) {
		return s.cfg.Daemon.Examine(ctx, which, long, progress)
	})
}

func (s *Server) showCheck(w http.ResponseWriter, r *request, status int, run checkRun, v checkView, why *trouble) {
	v.checkRun, v.Failed = run, troubleOf(run.Err)
	if run.Report != nil {
		for _, f := range run.Report.Findings {
			if f.ID == run.Report.Primary {
				v.Primary = f
			}
			if f.Verdict == doctor.Unknown && f.Because != "" {
				continue
			}
			v.Rows = append(v.Rows, checkRow{f, text(verdicts[f.Verdict]), f.Verdict == doctor.Fault})
		}
	}
	title := text("check.title", v.Title)
	if v.Title == "" {
		title = text("check.any")
	}
	v.Title = title
	s.page(w, r, status, "check", frame{Title: title, Here: "home", Trouble: why, Live: true, Follow: run.Running, Body: v})
}
