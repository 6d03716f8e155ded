package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
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
				if text := p.run("", "status").stdout; !strings.Contains(text, "waiting 6, the oldest ") {
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

// What the server refuses is listed by a command, sent again by one, and deleted
// by one.
func TestProgressCommands(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if r := p.run("", "progress", "list"); r.code == 0 || !strings.Contains(r.stderr, "not running") {
		t.Errorf("without a daemon: %+v", r)
	}
	p.daemon()
	p.until("it is signed in", fresh)
	if out := p.ok("", "progress", "list").stdout; out != "Nothing was set aside.\n" {
		t.Errorf("said %q", out)
	}
	down := s.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502, Path: "/api/me/progress/*"})
	for _, item := range []string{"gone-1", "gone-2"} {
		if status, _ := p.request("PATCH", "/api/me/progress/"+item, `{"currentTime":1}`); status != http.StatusOK {
			t.Fatalf("patch: %d", status)
		}
	}
	down()
	p.until("both are set aside", func(a health.Account) bool { return a.Progress.SetAside == 2 })
	var out struct {
		Format  int                      `json:"format"`
		Reports []control.SetAsideReport `json:"reports"`
	}
	err := json.Unmarshal([]byte(p.ok("", "progress", "list", "--json").stdout), &out)
	list := out.Reports
	// Which of two items is refused first is not said.
	if err != nil || out.Format != jsonFormat || len(list) != 2 || list[0].Item == list[1].Item ||
		!strings.HasPrefix(list[0].Item, "gone-") || list[0].Reason != "Library item not found" {
		t.Fatalf("%+v %v", list, err)
	}
	number := fmt.Sprint(list[0].ID)
	if out := p.ok("", "progress", "list").stdout; !strings.Contains(out, number) || !strings.Contains(out, "Library item not found") {
		t.Errorf("said %q", out)
	}
	for _, bad := range [][]string{{"drop"}, {"retry", "x"}, {"drop", "--all", number}, {"drop", "999999"}} {
		if r := p.run("", append([]string{"progress"}, bad...)...); r.code == 0 {
			t.Errorf("%q: %+v", bad, r)
		}
	}
	if out := p.ok("", "progress", "drop", number).stdout; out != "Deleted: 1\n" {
		t.Errorf("said %q", out)
	}
	if out := p.ok("", "progress", "retry", "--all").stdout; out != "Waiting for the server once more: 1\n" {
		t.Errorf("said %q", out)
	}
	p.until("the server refuses it once more", func(a health.Account) bool { return a.Progress.SetAside == 1 && a.Progress.Waiting == 0 })
	p.ok("", "progress", "drop", "--all")
	p.until("nothing is set aside", func(a health.Account) bool { return a.Progress.SetAside == 0 })
}
