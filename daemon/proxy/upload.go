package proxy

import (
	"errors"
	"io"
	"sync"
	"time"
)

// uploadWait is how long a player may pause within a large body, and longer than any
// pause of five minutes. Hours of upload are fine.
const uploadWait = 10 * time.Minute

// upload is a large body on its way to the server. It knows whether the player has
// sent all of it.
type upload struct {
	io.ReadCloser

	mu       sync.Mutex
	over     bool   // nothing more is read
	complete bool   // the player has sent all of it
	failed   error  // why the player's body could not be read
	onEnd    func() // called once, when nothing more is read; may be nil
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err != nil {
		u.end(err)
	}
	return n, err
}

// Close implements io.Closer.
func (u *upload) Close() error {
	u.end(nil)
	return u.ReadCloser.Close()
}

// end records the end of the body: io.EOF, the reason why it cannot be read, or nil
// when the transport needs no more of it.
func (u *upload) end(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over {
		return
	}
	u.over, u.complete = true, errors.Is(err, io.EOF)
	if err != nil && !u.complete {
		u.failed = err
	}
	if u.onEnd != nil {
		u.onEnd()
	}
}

// whenOver calls f as soon as nothing more of the body is read, at once if that is so
// already. nil cancels.
func (u *upload) whenOver(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.onEnd = f
	if u.over && f != nil {
		f()
	}
}

// state returns whether the player has sent all of the body, and why not when that is
// the player's fault.
func (u *upload) state() (complete bool, failed error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.complete, u.failed
}
