package home

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
)

// mostReturns bounds how many commands wait for a browser at the same time.
const mostReturns = 8

// ReturnPaths are the sockets of sign-ins that wait for a browser where no daemon runs,
// the newest first. Each command has one of its own.
func ReturnPaths(p config.Paths) (paths []string) {
	made := map[string]time.Time{}
	for i := range mostReturns {
		path := returnPath(p, i)
		if info, err := os.Stat(path); err == nil {
			made[path] = info.ModTime()
			paths = append(paths, path)
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int { return made[b].Compare(made[a]) })
	return paths
}

func returnPath(p config.Paths, i int) string {
	if i == 0 {
		return filepath.Join(p.Runtime, "openid.sock")
	}
	return filepath.Join(p.Runtime, fmt.Sprintf("openid-%d.sock", i+1))
}

// AwaitReturns lets the program that the desktop starts find the sign-ins of
// this Home, until stop is called. It fails where too many commands wait.
func (h *Home) AwaitReturns() (stop func(), err error) {
	var s *control.Server
	for i := range mostReturns {
		if s, err = control.Listen(returnPath(h.Paths, i), h.Log); err == nil {
			break
		}
	}
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
