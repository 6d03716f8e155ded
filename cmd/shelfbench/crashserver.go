package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
)

// crashServer is a double on a real port that says when a rotation begins.
type crashServer struct {
	*absfake.Server
	url    string
	begins chan string // path of each request that belongs to a rotation
	http   *http.Server
	served chan error
}

// crashLedger holds every request of a run; the counts are made of them.
const crashLedger = 500_000

func newCrashServer(release absfake.Release, accessTTL time.Duration) (*crashServer, error) {
	fake, err := absfake.New(absfake.Config{
		Release: release, AccessTTL: accessTTL, LimiterMax: -1, LedgerSize: crashLedger,
		Users: []absfake.User{{Name: "root", Password: "of no interest", Type: "root"}, {Name: benchUser, Password: benchPassword}},
	})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &crashServer{Server: fake, url: "http://" + l.Addr().String(), begins: make(chan string), served: make(chan error, 1)}
	answer := fake.Handler()
	s.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ping" || r.URL.Path == "/auth/refresh" || r.URL.Path == "/login" {
			select {
			case s.begins <- r.URL.Path:
			default: // nobody aims at it
			}
		}
		answer.ServeHTTP(w, r)
	})}
	go func() { s.served <- s.http.Serve(l) }()
	return s, nil
}

func (s *crashServer) close() error {
	err := errors.Join(s.http.Close(), s.Close())
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// losses are what a server's ledger tells of the sessions of its one user.
type losses struct {
	Rotations    int `json:"rotations"`
	AnswersLost  int `json:"answers_lost"`  // rotations whose new token never arrived: the old one was presented again
	SessionsLost int `json:"sessions_lost"` // refresh tokens that the server refused
	Unexplained  int `json:"unexplained"`   // of these, such as it had never rotated
	SignIns      int `json:"password_logins"`
	SignInsLost  int `json:"sign_ins_lost"` // whose tokens nobody ever used: their answers were lost too
	Refused      int `json:"refused_logins"`
	Unauthorized int `json:"bearer_401"` // access tokens that the server refused
}

// asksWhose reports whether a refresh presented an access token: that is how a
// session asks whether a server knows its signature, and no session is lost by
// it. Refresh tokens do not expire within a campaign. A sign-in asks in the same way
// whether renewals reach the server, with a word that is no token.
func asksWhose(e absfake.Entry) bool {
	return e.RefreshKind == absfake.TokenAccess || e.RefreshKind == absfake.TokenExpired || e.Refresh == noToken
}

// noToken is that word in the ledger (absapi.Client.RefreshPasses).
var noToken = absfake.TokenID(absapi.NoToken)

// lossesOf counts. The first sign-in is the user's own.
func lossesOf(l *absfake.Ledger) (c losses, err error) {
	if l.Totals().Requests > crashLedger {
		return c, fmt.Errorf("the ledger is too small for %d requests", l.Totals().Requests)
	}
	presented, refused, rotated, again := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range l.Entries() {
		switch {
		case e.Path == "/auth/refresh":
			presented[e.Refresh] = true
			if e.Status == http.StatusUnauthorized && !asksWhose(e) {
				refused[e.Refresh] = true
			}
		case e.Status == http.StatusUnauthorized && e.Token != "":
			c.Unauthorized++
		}
	}
	for _, r := range l.Rotations(benchUser) {
		if r.Replay {
			again[r.From] = true
			continue
		}
		c.Rotations++
		rotated[r.From] = true
	}
	for token := range refused {
		c.SessionsLost++
		if rotated[token] {
			again[token] = true
		} else {
			c.Unexplained++
		}
	}
	c.AnswersLost = len(again)
	c.SignIns = -1
	logins := l.Logins(benchUser)
	for i, in := range logins {
		switch {
		case !in.OK:
			c.Refused++
			continue
		case i > 0 && i < len(logins)-1 && !presented[in.Refresh]:
			c.SignInsLost++
		}
		c.SignIns++
	}
	return c, nil
}
