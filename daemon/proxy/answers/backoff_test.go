package answers_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/proxytest"
)

// Wrong passwords that come all at once wait like those that come in turn.
func TestLoginBacksOffInParallel(t *testing.T) {
	var tried atomic.Int64
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) {
		c.Account.Knows = func(string, string) bool {
			tried.Add(1)
			for range 2000 {
				runtime.Gosched() // so that the others come meanwhile
			}
			return false
		}
	})
	var all sync.WaitGroup
	for range 8 * answers.FreeTries {
		all.Go(func() { w.Post("/login", `{"username":"demo","password":"guess"}`) })
	}
	all.Wait()
	if n := tried.Load(); n > answers.FreeTries {
		t.Errorf("%d passwords were tried at once", n)
	}
}
