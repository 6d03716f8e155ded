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
	// maxStrangers is how many of them those may have together who have shown
	// neither that they are the user nor a grant.
	maxStrangers = 128
	// maxFromOwner is how many of these one user or one address may have.
	maxFromOwner = 64
	// busyConns is from when on it is asked who has them: before that it does
	// not matter, and asking costs a look through the system's tables.
	busyConns = 64
)

// connections counts what is open, until net/http or the handler that took one
// over has closed it. A stranger's connection gives way to a new one when there
// are too many: the new one may be that of a player with a grant.
type connections struct {
	mu        sync.Mutex
	open      map[net.Conn]*slot
	strangers map[string]int // connections of each owner that are not proven
	unproven  int            // all of them
	numbers   uint64
}

// slot is an open connection.
type slot struct {
	owner    string // "" for the user, or where it was not asked
	number   uint64 // of its opening
	proven   bool   // it has presented a grant
	hijacked bool
}

func (s *slot) stranger() bool { return s.owner != "" && !s.proven }

// admit counts a new connection in. It returns a connection that is to be closed
// for it, or reports that there is no place. ownerOf tells whose it is, "" for the
// user; it is asked only when that matters.
func (k *connections) admit(nc net.Conn, extra bool, ownerOf func() string) (victim net.Conn, ok bool) {
	one := &slot{}
	k.mu.Lock()
	busy := len(k.open) >= busyConns
	k.mu.Unlock()
	switch far, ok := nc.RemoteAddr().(*net.TCPAddr); {
	case extra && ok:
		one.owner = far.IP.String()
	case busy:
		one.owner = ownerOf()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case one.stranger() && k.strangers[one.owner] >= maxFromOwner:
		victim = k.oldestLocked(one.owner)
	case one.stranger() && k.unproven >= maxStrangers, len(k.open) >= maxConns:
		victim = k.oldestLocked(k.greediestLocked())
		if victim == nil {
			return nil, false
		}
	}
	if victim != nil {
		k.dropLocked(victim)
	}
	if k.open == nil {
		k.open, k.strangers = make(map[net.Conn]*slot), make(map[string]int)
	}
	k.numbers++
	one.number = k.numbers
	k.open[nc] = one
	if one.stranger() {
		k.strangers[one.owner]++
		k.unproven++
	}
	return victim, true
}

// greediestLocked returns the owner who has most connections that are not proven.
func (k *connections) greediestLocked() (owner string) {
	for one, n := range k.strangers {
		if owner == "" || n > k.strangers[owner] || n == k.strangers[owner] && one < owner {
			owner = one
		}
	}
	return owner
}

// oldestLocked returns the owner's oldest connection that is not proven, or nil.
func (k *connections) oldestLocked(owner string) (oldest net.Conn) {
	for nc, one := range k.open {
		if one.stranger() && one.owner == owner && (oldest == nil || one.number < k.open[oldest].number) {
			oldest = nc
		}
	}
	return oldest
}

// prove says that a connection has presented a grant.
func (k *connections) prove(nc net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one := k.open[nc]; one != nil && !one.proven {
		k.uncountLocked(one)
		one.proven = true
	}
}

func (k *connections) drop(nc net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropLocked(nc)
}

func (k *connections) dropLocked(nc net.Conn) {
	if one := k.open[nc]; one != nil {
		delete(k.open, nc)
		k.uncountLocked(one)
	}
}

// uncountLocked takes a connection out of the strangers.
func (k *connections) uncountLocked(one *slot) {
	if !one.stranger() {
		return
	}
	k.unproven--
	if k.strangers[one.owner]--; k.strangers[one.owner] == 0 {
		delete(k.strangers, one.owner)
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
