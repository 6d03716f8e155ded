package proxy

import (
	"net"
	"net/http"
	"sync"
)

const (
	// maxConns is how many connections are open at once. A browser opens six, a
	// player some; each costs a few kilobytes.
	maxConns = 512
	// maxOthers is how many of them others than the user may have together, so
	// that they cannot keep the user out.
	maxOthers = 128
	// maxFromAddr is how many come from one address, over the addresses that
	// are open to more than this machine.
	maxFromAddr = 64
	// busyConns is from when on it is asked who has them: before that it does
	// not matter, and asking costs a look through the system's tables.
	busyConns = 64
)

// connections counts what is open, until net/http or the handler that took one
// over has closed it.
type connections struct {
	mu     sync.Mutex
	open   map[net.Conn]*slot
	others int
	from   map[string]int // by address
}

// slot is an open connection.
type slot struct {
	other    bool   // not the user's, as far as that was asked
	addr     string // counted in from
	hijacked bool
}

// admit counts a new connection in, or reports that there are too many. other
// reports whether it is not the user's; it is asked only when that matters.
func (k *connections) admit(nc net.Conn, extra bool, other func() bool) bool {
	one := &slot{}
	k.mu.Lock()
	busy := len(k.open) >= busyConns
	k.mu.Unlock()
	switch far, ok := nc.RemoteAddr().(*net.TCPAddr); {
	case extra && ok:
		one.addr, one.other = far.IP.String(), true
	case busy:
		one.other = other()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.open) >= maxConns || one.other && k.others >= maxOthers || one.addr != "" && k.from[one.addr] >= maxFromAddr {
		return false
	}
	if k.open == nil {
		k.open, k.from = make(map[net.Conn]*slot), make(map[string]int)
	}
	k.open[nc] = one
	if one.other {
		k.others++
	}
	if one.addr != "" {
		k.from[one.addr]++
	}
	return true
}

func (k *connections) drop(nc net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	one := k.open[nc]
	if one == nil {
		return
	}
	delete(k.open, nc)
	if one.other {
		k.others--
	}
	if one.addr == "" {
		return
	}
	if k.from[one.addr]--; k.from[one.addr] == 0 {
		delete(k.from, one.addr)
	}
}

// state is http.Server.ConnState.
func (k *connections) state(nc net.Conn, state http.ConnState) {
	switch state {
	case http.StateClosed:
		k.drop(nc)
	case http.StateHijacked:
		k.mu.Lock()
		defer k.mu.Unlock()
		if s := k.open[nc]; s != nil {
			s.hijacked = true
		}
	}
}

// done ends a connection that its handler had taken over.
func (k *connections) done(nc net.Conn) {
	k.mu.Lock()
	one := k.open[nc]
	taken := one != nil && one.hijacked
	k.mu.Unlock()
	if taken {
		k.drop(nc)
	}
}
