package home

import (
	"path/filepath"
	"sync"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
)

// ReturnPath is the socket of a sign-in that waits for a browser where no
// daemon runs.
func ReturnPath(p config.Paths) string { return filepath.Join(p.Runtime, "openid.sock") }

// AwaitReturns lets the program that the desktop starts find the sign-ins of
// this Home, until stop is called. It fails where another command waits.
func (h *Home) AwaitReturns() (stop func(), err error) {
	s, err := control.Listen(ReturnPath(h.Paths), h.Log)
	if err != nil {
		return nil, err
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.ServeReturns(h); err != nil {
			h.Log.Warn("wait for the browser", "reason", err)
		}
	})
	return func() {
		if err := s.Close(); err != nil {
			h.Log.Warn("wait for the browser", "reason", err)
		}
		running.Wait()
	}, nil
}
