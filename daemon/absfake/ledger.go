package absfake

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Entry is one request, as the server saw it.
type Entry struct {
	Time      time.Time // when it arrived
	Took      time.Duration
	Done      bool // the handler has returned
	Method    string
	Path      string // without the query, which may hold a token
	Range     string // the Range header
	Address   string // the client's address, as the limiter counts it
	TokenKind string // TokenAccess and so on: what was presented
	Token     string // TokenID of it
	Refresh   string // TokenID of the x-refresh-token header or cookie
	// RefreshKind is what that was: TokenExpired for any expired one.
	RefreshKind string
	Status      int   // of the answer; 0: none was begun
	Bytes       int64 // of the answer's body that were written
	Lost        bool  // a fault or a restart cut the connection; a client that left early is none of it
	Faults      []FaultKind
}

// Rotation is one use of a refresh token that was answered with tokens.
type Rotation struct {
	Time    time.Time
	User    string
	Session string // id of the auth session
	From    string // TokenID of what was presented
	To      string // TokenID of the refresh token that is current now
	Replay  bool   // the token was no longer current: answered within the grace window, or after losing a race
}

// Login is one try to sign in with a password.
type Login struct {
	Time    time.Time
	User    string
	OK      bool
	OpenID  bool // through a provider, without a password
	Session string
	Refresh string // TokenID of the refresh token handed out
}

// Totals never forget, however long the server runs.
type Totals struct {
	Requests  int64
	Bytes     int64
	Lost      int64
	ByStatus  map[int]int64
	Rotations int64
	Replays   int64
	Logins    int64
	BadLogins int64
	Auth      int64 // requests that count in the auth limiter
	// Unknown counts the requests for routes that the double does not know, by method
	// and path.
	Unknown map[string]int
}

// maxUnknown bounds Totals.Unknown.
const maxUnknown = 100

// Ledger records what reached the server and what the server did. It keeps the
// last entries of each list and totals of everything; it never holds a token,
// only the ids of tokens. All methods may be called concurrently and return
// copies.
type Ledger struct {
	mu        sync.Mutex
	entries   ring[*Entry]
	rotations ring[Rotation]
	logins    ring[Login]
	auths     ring[time.Time]
	sockets   socketLog
	totals    Totals
	changed   chan struct{} // closed and replaced at each change
}

func newLedger(size int) *Ledger {
	return &Ledger{
		entries: ring[*Entry]{max: size}, rotations: ring[Rotation]{max: size},
		logins: ring[Login]{max: size}, auths: ring[time.Time]{max: size},
		totals:  Totals{ByStatus: map[int]int64{}, Unknown: map[string]int{}},
		changed: make(chan struct{}),
	}
}

func (l *Ledger) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// begin writes the request down before anything is done with it.
func (l *Ledger) begin(s *Server, r *http.Request) *Entry {
	token := bearer(r)
	refresh := r.Header.Get("x-refresh-token")
	if refresh == "" {
		if c, err := r.Cookie("refresh_token"); err == nil {
			if refresh, err = url.QueryUnescape(c.Value); err != nil {
				refresh = c.Value
			}
		}
	}
	e := &Entry{
		Time: time.Now(), Method: r.Method, Path: r.URL.Path, Range: r.Header.Get("Range"), Address: clientAddress(r),
		TokenKind: s.kindOf(token), Token: TokenID(token), Refresh: TokenID(refresh), RefreshKind: s.kindOf(refresh),
	}
	l.note(func() {
		l.entries.add(e)
		l.totals.Requests++
	})
	return e
}

// missing notes a request for a route that the double does not know.
func (l *Ledger) missing(route string) {
	l.note(func() {
		if _, there := l.totals.Unknown[route]; there || len(l.totals.Unknown) < maxUnknown {
			l.totals.Unknown[route]++
		}
	})
}

func (l *Ledger) end(rec *recorder) {
	l.note(func() {
		e := rec.entry
		e.Done, e.Took, e.Lost = true, time.Since(e.Time), rec.cut
		l.totals.Bytes += e.Bytes
		l.totals.ByStatus[e.Status]++
		if e.Lost {
			l.totals.Lost++
		}
	})
}

// wrote keeps status and bytes of a running answer up to date.
func (l *Ledger) wrote(e *Entry, status int, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Status == 0 {
		e.Status = status
	}
	e.Bytes += int64(n)
}

func (l *Ledger) fault(e *Entry, kind FaultKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Faults = append(e.Faults, kind)
}

func (l *Ledger) rotation(r Rotation) {
	r.Time = time.Now()
	l.note(func() {
		l.rotations.add(r)
		l.totals.Rotations++
		if r.Replay {
			l.totals.Replays++
		}
	})
}

func (l *Ledger) login(a Login) {
	a.Time = time.Now()
	l.note(func() {
		l.logins.add(a)
		if a.OK {
			l.totals.Logins++
		} else {
			l.totals.BadLogins++
		}
	})
}

func (l *Ledger) auth(t time.Time) {
	l.note(func() {
		l.auths.add(t)
		l.totals.Auth++
	})
}

// ring keeps the last max elements.
type ring[T any] struct {
	max  int
	list []T
	next int // where the oldest lies once the ring is full
}

func (r *ring[T]) add(v T) {
	if len(r.list) < r.max {
		r.list = append(r.list, v)
		return
	}
	r.list[r.next] = v
	r.next = (r.next + 1) % r.max
}

// all is a copy, oldest first.
func (r *ring[T]) all() []T {
	return slices.Concat(r.list[r.next:], r.list[:r.next])
}
