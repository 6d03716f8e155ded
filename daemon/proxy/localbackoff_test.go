package proxy

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/absfake"
)

// Wrong passwords that come all at once wait like those that come in turn.
func TestLoginBacksOffInParallel(t *testing.T) {
	var tried atomic.Int64
	w := newLocalWorld(t, absfake.Config{}, func(c *Config) {
		c.Account.Knows = func(string, string) bool {
			tried.Add(1)
			for range 2000 {
				runtime.Gosched() // so that the others come meanwhile
			}
			return false
		}
	})
	var all sync.WaitGroup
	for range 8 * freeTries {
		all.Go(func() { w.post("/login", `{"username":"demo","password":"guess"}`) })
	}
	all.Wait()
	if n := tried.Load(); n > freeTries {
		t.Errorf("%d passwords were tried at once", n)
	}
}
