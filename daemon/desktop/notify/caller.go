package notify

import (
	"context"
	"log/slog"
	"time"
)

const (
	// callPatience bounds one call: on Windows and macOS some start a program.
	callPatience = 10 * time.Second
	// clearPatience is for taking messages away at the end.
	clearPatience = 2 * time.Second
)

// means are how a system shows messages whose service is called, not spoken with.
type means interface {
	// show puts a message on the screen. A click on it calls clicked, where the
	// system tells.
	show(ctx context.Context, n Notice, clicked func()) error
	// clear takes a message away. rest says whether others are still shown.
	clear(ctx context.Context, n Notice, rest bool) error
}

// caller shows notices by calls, one at a time.
type caller struct {
	means   means
	wish    *wish
	clicked chan string
	log     *slog.Logger
}

func newCaller(m means, log *slog.Logger) *caller {
	return &caller{means: m, wish: newWish(), clicked: make(chan string, shownAtMost), log: log}
}

// Show says which notices hold now. It returns at once.
func (c *caller) Show(notices []Notice) { c.wish.set(notices) }

// Clicked tells the keys of notices that were clicked.
func (c *caller) Clicked() <-chan string { return c.clicked }

// Run shows until ctx ends, and then takes its notices away.
func (c *caller) Run(ctx context.Context) {
	shown := map[string]Notice{}
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearPatience)
			defer cancel()
			c.take(end, shown, func(string) bool { return true })
			return
		case <-c.wish.changed:
			c.compare(ctx, shown)
		}
	}
}

// compare brings the screen to what holds now. A notice that could not be shown is not
// tried again: its desktop shows none.
func (c *caller) compare(ctx context.Context, shown map[string]Notice) {
	now, over := c.wish.take()
	holds := map[string]bool{}
	for _, n := range now {
		holds[n.Key] = true
	}
	for _, key := range over {
		if n, ok := shown[key]; ok { // it may hold again, which is news
			delete(shown, key)
			c.clear(ctx, n, len(shown) > 0)
		}
	}
	c.take(ctx, shown, func(key string) bool { return !holds[key] })
	for _, n := range now {
		if _, told := shown[n.Key]; told || len(shown) >= shownAtMost {
			continue
		}
		shown[n.Key] = n
		call, cancel := context.WithTimeout(ctx, callPatience)
		err := c.means.show(call, n, func() { c.click(n.Key) })
		cancel()
		if err != nil {
			c.log.Warn("the desktop does not take a notification", "reason", err, "title", n.Title)
		}
	}
}

// take removes the notices that which names.
func (c *caller) take(ctx context.Context, shown map[string]Notice, which func(key string) bool) {
	for key, n := range shown {
		if which(key) {
			delete(shown, key)
			c.clear(ctx, n, len(shown) > 0)
		}
	}
}

func (c *caller) clear(ctx context.Context, n Notice, rest bool) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	if err := c.means.clear(ctx, n, rest); err != nil {
		c.log.Debug("a notification that is over stays", "reason", err, "title", n.Title)
	}
}

func (c *caller) click(key string) {
	select {
	case c.clicked <- key:
	default: // nobody took the ones before
	}
}
