package dashboard

import (
	"net/http"
	"strconv"
	"time"

	"shelfkeeper/daemon/health"
)

// maxPauseMinutes is a year: more is a slip of the finger.
const maxPauseMinutes = 366 * 24 * 60

// pauseTimes are the times that the page offers, in minutes.
var pauseTimes = []int{30, 60, 120, 240, 480, 24 * 60, 3 * 24 * 60, 7 * 24 * 60}

// pauseView asks how long.
type pauseView struct {
	accountView
	Times []pauseTime
}

type pauseTime struct {
	Minutes int
	Words   string
}

func (s *Server) askPause(w http.ResponseWriter, r *request) {
	if a, ok := s.named(w, r); ok {
		s.pausePage(w, r, http.StatusOK, a, nil)
	}
}

func (s *Server) pausePage(w http.ResponseWriter, r *request, status int, a health.Account, why *trouble) {
	v := pauseView{accountView: s.viewOf(a, "")}
	for _, m := range pauseTimes {
		one := pauseTime{m, count("pause.minutes", m)}
		switch {
		case m%(24*60) == 0:
			one.Words = count("pause.days", m/(24*60))
		case m%60 == 0:
			one.Words = count("pause.hours", m/60)
		}
		v.Times = append(v.Times, one)
	}
	s.page(w, r, status, "pause", frame{Title: text("pause.title", v.Title), Here: "home", Trouble: why, Body: v})
}

func (s *Server) pause(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	until := Pause{Tomorrow: r.PostFormValue("until") == "tomorrow"}
	if r.PostFormValue("until") == "for" {
		minutes, err := strconv.Atoi(r.PostFormValue("minutes"))
		if err != nil || minutes < 1 || minutes > maxPauseMinutes {
			s.pausePage(w, r, http.StatusUnprocessableEntity, a, &trouble{Text: text("pause.wrong")})
			return
		}
		until.For = time.Duration(minutes) * time.Minute
	}
	if err := s.cfg.Daemon.Pause(r.Context(), a.Name, until); err != nil {
		s.failed(w, r, a, err)
		return
	}
	done(w, r, accountPath(a.Name), "act.paused")
}

func (s *Server) resume(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	if err := s.cfg.Daemon.Resume(r.Context(), a.Name); err != nil {
		s.failed(w, r, a, err)
		return
	}
	done(w, r, accountPath(a.Name), "act.resumed")
}
