package service

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/health"
)

func TestServerThatMovedToHTTPS(t *testing.T) {
	for _, c := range []struct {
		desc, base, found string
		moved             bool
	}{
		{"to https", "http://abs.test:13378", "https://abs.test", true},
		{"to https in a sub-folder", "http://abs.test", "https://abs.test/audiobookshelf", true},
		{"to another host", "http://abs.test", "https://portal.test", false},
		{"to nowhere", "http://abs.test", "", false},
		{"not at all", "http://abs.test", "http://abs.test", false},
		{"an https server is left alone", "https://abs.test", "https://abs.test:8443", false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base, _ := url.Parse(c.base)
				var now atomic.Value
				var asked atomic.Int64
				now.Store(c.found)
				board := health.NewBoard()
				m := &moveWatch{base: base, name: "home", board: board, log: slog.New(slog.DiscardHandler),
					find: func(context.Context) (*url.URL, error) {
						asked.Add(1)
						at := now.Load().(string)
						if at == "" {
							return nil, errors.New("nobody")
						}
						return url.Parse(at)
					}}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); m.run(ctx) }()
				defer func() { cancel(); <-ended }()
				shown := func() health.View { v, _, _ := board.View(); return v }

				time.Sleep(time.Hour)
				synctest.Wait()
				if n := asked.Load(); n != 0 {
					t.Errorf("asked %d times while all is well", n)
				}
				board.Raise(&health.ServerUnreachable, "it redirects")
				time.Sleep(time.Minute)
				synctest.Wait()
				v := shown()
				if (v.Condition == health.ServerMoved.ID) != c.moved {
					t.Errorf("shown: %+v", v)
				}
				if c.moved && (v.Level != health.NeedsUser ||
					!strings.Contains(v.Remedy, "`shelfkeeper login "+c.found+" --account home`")) {
					t.Errorf("shown: %+v", v)
				}
				before := asked.Load()
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := asked.Load() - before; n > 20 {
					t.Errorf("asked %d times in an hour", n)
				}
				now.Store(c.base) // it is back
				board.Clear(&health.ServerUnreachable)
				time.Sleep(2 * moveMost)
				synctest.Wait()
				if v := shown(); v.Level != health.OK {
					t.Errorf("after it came back: %+v", v)
				}
			})
		})
	}
}
