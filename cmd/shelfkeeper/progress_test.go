package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// listener is a player of one book at the local address.
type listener struct {
	t        testing.TB
	place    *place
	session  string
	position float64
}

func (p *place) request(method, path, body string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, got := ask(p.t, req)
	return resp.StatusCode, string(got)
}

func (p *place) plays(s *server) *listener {
	p.t.Helper()
	status, body := p.request("POST", "/api/items/"+s.Library().Tracks().ID+"/play",
		`{"forceDirectPlay":true,"deviceInfo":{"deviceId":"d"}}`)
	var in struct{ ID string }
	if err := json.Unmarshal([]byte(body), &in); err != nil || status != http.StatusOK {
		p.t.Fatalf("play: %d %s", status, body)
	}
	return &listener{t: p.t, place: p, session: in.ID}
}

// reports tells of seconds listened, which must be taken.
func (l *listener) reports(seconds float64) {
	l.t.Helper()
	l.position += 10
	body := fmt.Sprintf(`{"currentTime":%v,"timeListened":%v}`, l.position, seconds)
	if status, got := l.place.request("POST", "/api/session/"+l.session+"/sync", body); status != http.StatusOK || got != "OK" {
		l.t.Fatalf("sync: %d %s", status, got)
	}
}

// counted is what the server has of the session.
func (l *listener) counted() float64 {
	l.t.Helper()
	status, body := l.place.request("GET", "/api/me/listening-sessions?itemsPerPage=50", "")
	var list struct {
		Sessions []struct {
			ID            string
			TimeListening float64
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK {
		l.t.Fatalf("%d %s", status, body)
	}
	total := 0.0
	for _, s := range list.Sessions {
		if s.ID == l.session {
			total += s.TimeListening
		}
	}
	return total
}

// Killed with reports that wait, and with one whose answer was lost, again and
// again, while the server restarts or does not: all of it is counted, once.
func TestListeningSurvivesKills(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2263, absfake.R2360} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/server restarted %v", release, restarted), func(t *testing.T) {
				t.Parallel()
				s, p := newServer(t, absfake.Config{Release: release}), newPlace(t)
				p.login(s)
				d := p.daemon()
				p.until("it is signed in", fresh)
				l := p.plays(s)
				l.reports(10)
				lost := s.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/api/session/*/sync", Times: 1})
				down := s.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502, Path: "/api/session/*", Method: "GET"})
				sync := s.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502, Path: "/api/session/*/sync", Skip: 1})
				total := 10.0
				for round := range 3 {
					l.reports(10.5 + float64(round))
					l.reports(20)
					total += 30.5 + float64(round)
					p.until("both wait", func(a health.Account) bool { return a.Progress.Waiting == 2*(round+1) })
					d.kill()
					d = p.daemon()
					p.until("they wait still", func(a health.Account) bool { return fresh(a) && a.Progress.Waiting == 2*(round+1) })
				}
				if text := p.ok("", "status").stdout; !strings.Contains(text, "waiting 6, the oldest ") {
					t.Errorf("status says\n%s", text)
				}
				if restarted {
					s.Restart()
				}
				lost()
				down()
				sync()
				p.until("all is delivered", func(a health.Account) bool { return a.Progress.Waiting == 0 })
				l.reports(7)
				total += 7
				d.kill()
				p.daemon()
				p.until("it is signed in", fresh)
				l.reports(8)
				total += 8
				p.until("all is delivered", func(a health.Account) bool { return a.Progress.Waiting == 0 })
				if got := l.counted(); math.Abs(got-total) > 1e-6 {
					t.Errorf("the server counts %v s, want %v", got, total)
				}
			})
		}
	}
}

// Who signs out is told what had not reached the server, and it waits for the
// same user.
func TestSigningOutWithReportsThatWait(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.daemon()
	p.until("it is signed in", fresh)
	l := p.plays(s)
	down := s.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502, Path: "/api/session/*"})
	l.reports(10)
	l.reports(10)
	r := p.run("", "logout")
	if r.code == 0 || !strings.Contains(r.stderr, "2 reports of listening had not reached the server") ||
		!strings.Contains(r.stderr, "sign in again as alice") {
		t.Errorf("%+v", r)
	}
	down()
	p.login(s)
	p.until("all is delivered", func(a health.Account) bool { return fresh(a) && a.Progress.Waiting == 0 })
	if got := l.counted(); got != 20 {
		t.Errorf("the server counts %v s, want 20", got)
	}
}
