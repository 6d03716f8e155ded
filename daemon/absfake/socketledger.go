package absfake

import (
	"slices"
	"strings"
	"time"
)

// Socket is one Socket.IO connection, as the server saw it. A change from
// polling to WebSocket does not make it another one.
type Socket struct {
	ID        string // its sid
	Path      string // where it was opened: "/socket.io/", or that under the base path
	Transport string // "polling" or "websocket", as it is now
	Address   string // of the client's end of the connection
	Opened    time.Time
	Closed    time.Time // zero: it is open
	Reason    string    // why it closed, in Engine.IO's words, or "killed"
	Connected bool      // it joined the namespace
	User      string    // as whom it is authenticated now, by the name at that time; "": as nobody
	Auths     []SocketAuth
	Sent      int // events of the server
	Received  int // events of the client
}

// SocketAuth is one event "auth" of a socket.
type SocketAuth struct {
	Time      time.Time
	TokenKind string // TokenAccess and so on
	Token     string // TokenID of it; "": no string came
	OK        bool
	User      string // whom the token stands for; "" if it was refused
}

// socketLog is the ledger's part about sockets. Guarded by Ledger.mu.
type socketLog struct {
	list   ring[*Socket]
	opened int64
	open   int
	most   int
	users  map[string]*socketCount // by lower-case name
}

type socketCount struct{ open, most int }

// Sockets are the connections kept, oldest first, open and closed.
func (l *Ledger) Sockets() []Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Socket, 0, len(l.sockets.list.list))
	for _, e := range l.sockets.list.all() {
		c := *e
		c.Auths = slices.Clone(e.Auths)
		out = append(out, c)
	}
	return out
}

// OpenSockets are those open now that are authenticated as the user; "" means
// all that are open, authenticated or not.
func (l *Ledger) OpenSockets(user string) []Socket {
	return slices.DeleteFunc(l.Sockets(), func(e Socket) bool {
		return !e.Closed.IsZero() || (user != "" && !strings.EqualFold(e.User, user))
	})
}

// SocketsOpened is how many were opened in all, since the server was made.
func (l *Ledger) SocketsOpened() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sockets.opened
}

// MaxSockets is how many were open at one time, at most, while authenticated as
// the user; "" means of all users and of none together.
func (l *Ledger) MaxSockets(user string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if user == "" {
		return l.sockets.most
	}
	if c := l.sockets.users[strings.ToLower(user)]; c != nil {
		return c.most
	}
	return 0
}

func (l *Ledger) socketOpened(e Socket) *Socket {
	e.Opened = time.Now()
	l.note(func() {
		if l.sockets.users == nil {
			l.sockets.users = map[string]*socketCount{}
			l.sockets.list.max = l.entries.max
		}
		l.sockets.list.add(&e)
		l.sockets.opened++
		l.sockets.open++
		l.sockets.most = max(l.sockets.most, l.sockets.open)
	})
	return &e
}

func (l *Ledger) socketClosed(e *Socket, reason string) {
	l.note(func() {
		e.Closed, e.Reason = time.Now(), reason
		l.sockets.open--
	})
}

func (l *Ledger) socketUpgraded(e *Socket, transport string) {
	l.note(func() { e.Transport = transport })
}

func (l *Ledger) socketConnected(e *Socket) { l.note(func() { e.Connected = true }) }
func (l *Ledger) socketSent(e *Socket)      { l.note(func() { e.Sent++ }) }
func (l *Ledger) socketReceived(e *Socket)  { l.note(func() { e.Received++ }) }

func (l *Ledger) socketAuth(e *Socket, a SocketAuth) {
	a.Time = time.Now()
	l.note(func() { e.Auths = append(e.Auths, a) })
}

// socketUser moves the socket from one user to another, "" being none. A socket
// that has closed keeps the name of its last user.
func (l *Ledger) socketUser(e *Socket, user string, closing bool) {
	l.note(func() {
		if c := l.sockets.users[strings.ToLower(e.User)]; c != nil {
			c.open--
		}
		if closing {
			return
		}
		e.User = user
		if user == "" {
			return
		}
		c := l.sockets.users[strings.ToLower(user)]
		if c == nil {
			c = &socketCount{}
			l.sockets.users[strings.ToLower(user)] = c
		}
		c.open++
		c.most = max(c.most, c.open)
	})
}
