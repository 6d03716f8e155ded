package proxy

import (
	"net"
	"net/http"
	"slices"
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
	// yieldBeyond so many of which the system has not told yet whose they are, those who
	// ask have the processor before the next one is accepted. None of them gives way
	// before there are maxConns: on a busy machine they may all be the user's.
	yieldBeyond = 32
	// busyConns is from when on it is asked who has them: before that it does
	// not matter, and asking costs a look through the system's tables.
	busyConns = 64
	// maxAskers is how many are asked for at once. One that takes long holds up
	// neither what is accepted nor what presents a grant.
	maxAskers = 8
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

	unasked []*slot // of which it is not known yet whose they are, the oldest first
	askers  int     // goroutines that ask
	asking  sync.WaitGroup
}

// slot is an open connection.
type slot struct {
	conn     net.Conn
	owner    string // "" for the user, or where it is not known
	ask      func() // finds out whose it is, and calls tell; nil where that does not matter
	number   uint64 // of its opening
	proven   bool   // it has presented a grant
	hijacked bool
}

func (s *slot) stranger() bool { return s.owner != "" && !s.proven }

// admit counts a new connection in. It returns connections that are to be closed for
// it, among them nc itself where there is no place. owner is whose it is, where that is
// known. Otherwise ask finds out: it is called later, on another goroutine, and only
// when it matters.
func (k *connections) admit(nc net.Conn, owner string, ask func()) (victims []net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.open == nil {
		k.open, k.strangers = make(map[net.Conn]*slot), make(map[string]int)
	}
	k.numbers++
	one := &slot{conn: nc, number: k.numbers}
	if owner == "" && len(k.open) >= busyConns {
		one.ask = ask
		k.unasked = append(k.unasked, one)
	}
	k.open[nc] = one
	victims = append(victims, k.enterLocked(one, owner)...)
	if len(k.open) > maxConns {
		victims = append(victims, k.dropLocked(k.weakestLocked(nc)))
	}
	if len(k.unasked) > 0 && k.askers < maxAskers {
		k.askers++
		k.asking.Go(k.askOwners)
	}
	return victims
}

// tell says whose a connection is, "" for the user. It returns those that are to be
// closed then.
func (k *connections) tell(nc net.Conn, owner string) (victims []net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	one := k.open[nc]
	if one == nil || one.ask == nil {
		return nil
	}
	k.askedLocked(one)
	return k.enterLocked(one, owner)
}

// manyUnasked reports whether it is to be found out of many connections whose they are.
func (k *connections) manyUnasked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.unasked) > yieldBeyond
}

// askedLocked takes a connection out of those of which nobody knows whose they are.
func (k *connections) askedLocked(one *slot) {
	if one.ask != nil {
		one.ask = nil
		k.unasked = slices.DeleteFunc(k.unasked, func(s *slot) bool { return s == one })
	}
}

// enterLocked counts a connection among its owner's, and returns those that give way.
func (k *connections) enterLocked(one *slot, owner string) (victims []net.Conn) {
	one.owner = owner
	if !one.stranger() {
		return nil
	}
	one.owner = "" // it does not give way to itself
	switch {
	case k.strangers[owner] >= maxFromOwner:
		victims = append(victims, k.dropLocked(k.oldestLocked(owner)))
	case k.unproven >= maxStrangers:
		victims = append(victims, k.dropLocked(k.oldestLocked(k.greediestLocked())))
	}
	one.owner = owner
	k.strangers[owner]++
	k.unproven++
	return victims
}

// weakestLocked returns the connection that gives way when there is no place left: a
// stranger's, or else one of which nobody knows yet whose it is, or else the new one.
func (k *connections) weakestLocked(newest net.Conn) net.Conn {
	if nc := k.oldestLocked(k.greediestLocked()); nc != nil {
		return nc
	}
	if len(k.unasked) > 0 {
		return k.unasked[0].conn
	}
	return newest
}

// askOwners asks whose the connections are, one after the other, until all are known.
func (k *connections) askOwners() {
	for {
		k.mu.Lock()
		if len(k.unasked) == 0 {
			k.askers--
			k.mu.Unlock()
			return
		}
		ask := k.unasked[0].ask
		k.unasked = k.unasked[1:]
		k.mu.Unlock()
		ask()
	}
}

// Wait waits until nobody asks any more.
func (k *connections) Wait() { k.asking.Wait() }

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
		k.askedLocked(one)
		one.proven = true
	}
}

func (k *connections) drop(nc net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropLocked(nc)
}

func (k *connections) dropLocked(nc net.Conn) net.Conn {
	if one := k.open[nc]; one != nil {
		delete(k.open, nc)
		k.uncountLocked(one)
		k.askedLocked(one)
	}
	return nc
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
