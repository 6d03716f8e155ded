package progress

import (
	"crypto/sha256"
	"encoding/hex"
)

// caller is a player that reports, with what the journal holds of it. It is
// guarded by Journal.lock.
type caller struct {
	name string

	size     int // bytes of all its entries
	reserved int // bytes of reports that are being written
	grown    int // bytes by which its entries grew where its share was used up
	sessions int // of its sessions, those that are remembered
	aside    int // of its reports, those that were set aside
	asideOf  int // bytes of those

	waits waitLists // its updates and offline sessions
}

// A caller may take four fifths of what the others leave. So whatever one caller
// sends, the others have room; and a caller that is alone has most of it.
const (
	shareOf, shareIn = 4, 5
	// maxGrowth is by how many bytes the entries of a caller may grow where its share
	// is used up: a new state of something that waits still fits.
	maxGrowth = 512 << 10
	// maxCaller bounds the name of a caller; a longer one is replaced by its sum.
	maxCaller = 48
)

// share is what one caller may have of all, where the others have taken some.
func share(all, others int) int { return max(0, all-others) * shareOf / shareIn }

// MarshalText implements encoding.TextMarshaler.
func (c *caller) MarshalText() ([]byte, error) { return []byte(c.name), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *caller) UnmarshalText(b []byte) error { c.name = string(b); return nil }

// IsZero makes a caller without a name absent in JSON.
func (c *caller) IsZero() bool { return c == nil || c.name == "" }

// bulkSize is how much a caller has, in bytes, of whom it takes a while to deliver it:
// about 800 updates.
const bulkSize = 256 << 10

func (c *caller) isBulk() bool { return c != nil && c.size > bulkSize }

func (c *caller) idle() bool {
	return c.size <= 0 && c.reserved <= 0 && c.sessions <= 0 && c.aside <= 0
}

// caller returns the caller of a name.
func (e *entries) caller(name string) *caller {
	if len(name) > maxCaller {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:8])
	}
	c := e.callers[name]
	if c == nil {
		c = &caller{name: name}
		e.callers[name] = c
	}
	return c
}

// own returns the caller of these entries that has the name of c, which may be nil
// or of a file.
func (e *entries) own(c *caller) *caller {
	if c == nil {
		return e.caller("")
	}
	return e.caller(c.name)
}

// charge adds n bytes, which may be below zero, to what c has.
func (e *entries) charge(c *caller, n int) {
	e.size += n
	if c == nil {
		return
	}
	c.size += n
	if c.grown > 0 && c.size+c.reserved <= e.shareOf(c) {
		c.grown = 0
	}
	e.forget(c)
}

// forget removes a caller of whom the journal holds nothing.
func (e *entries) forget(c *caller) {
	if c.idle() && e.callers[c.name] == c {
		delete(e.callers, c.name)
	}
}

// shareOf is how many bytes c may have.
func (e *entries) shareOf(c *caller) int {
	return share(maxSize, e.size+e.reserved-c.size-c.reserved)
}

// tally counts what keeping a report adds.
type tally struct {
	added int // entries about something of which nothing waits
	size  int // bytes
}

// fits reports whether there is room for a report of c. One that adds no entry
// fits although the share of c is used up, unless it lets the entries grow out of
// bounds.
func (e *entries) fits(c *caller, t tally) bool {
	switch {
	case c.size+c.reserved+t.size <= e.shareOf(c):
		return true
	case t.added > 0:
		return false
	}
	return t.size <= 0 || c.grown+t.size <= maxGrowth
}

// grow counts what a report adds that fits although the share of c is used up.
func (e *entries) grow(c *caller, t tally) {
	if t.size > 0 && c.size+c.reserved+t.size > e.shareOf(c) {
		c.grown += t.size
	}
}

// reserve keeps room for a report of which one part after the other is written.
func (e *entries) reserve(name string, n int) {
	n = max(0, n)
	c := e.caller(name)
	c.reserved += n
	e.reserved += n
}

// release gives back room that was reserved.
func (e *entries) release(name string, n int) {
	n = max(0, n)
	c := e.caller(name) // the file may have been closed and opened since
	c.reserved = max(0, c.reserved-n)
	e.reserved = max(0, e.reserved-n)
	e.forget(c)
}
