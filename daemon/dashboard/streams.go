package dashboard

import (
	"sync"
	"time"

	"shelfkeeper/daemon/health"
)

const (
	// maxTitles bounds the titles that are remembered.
	maxTitles = 64
	// titleAgain is when a title is asked for again that could not be had.
	titleAgain = time.Minute
)

// streamView is one line of what plays now.
type streamView struct {
	Program, Title, Note, Speed string
	Since                       stamp
}

// titles are what streams are called. The server is asked once for each, and
// only while somebody looks at the page.
type titles struct {
	named Bell // when a title has come

	mu   sync.Mutex
	list map[titleKey]*title
}

type titleKey struct{ account, kind, id, file string }

type title struct {
	words string
	asked time.Time
	known bool
}

// of returns a title, "" while it is not known. ask is called, by a goroutine
// that run starts, for one that nobody has asked for.
func (t *titles) of(key titleKey, now time.Time, run func(func()), ask func() (string, error)) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.list[key]
	if one == nil {
		if t.list == nil || len(t.list) >= maxTitles {
			t.list = make(map[titleKey]*title)
		}
		one = &title{}
		t.list[key] = one
	}
	if !one.known && (one.asked.IsZero() || now.Sub(one.asked) >= titleAgain) {
		one.asked = now
		run(func() {
			words, err := ask()
			t.mu.Lock()
			one.words, one.known = words, err == nil
			t.mu.Unlock()
			t.named.Ring()
		})
	}
	return one.words
}

// background runs f until it returns, which it does soon when the server's
// context ends. Close waits for it.
func (s *Server) background(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Go(f)
	}
}

// streamsOf shows what plays now.
func (s *Server) streamsOf(a health.Account, now time.Time) []streamView {
	views := make([]streamView, 0, len(a.Proxy.Streams))
	for _, one := range a.Proxy.Streams {
		words := s.titles.of(titleKey{a.Name, one.Kind, one.ID, one.File}, now, s.background, func() (string, error) {
			return s.cfg.Daemon.Title(s.ctx, a.Name, one)
		})
		v := streamView{Program: one.Program, Title: words, Since: when(one.Since.Time, now), Note: size(one.Bytes), Speed: text("play.over")}
		if words == "" {
			v.Title = textOr("stream."+one.Kind, one.Kind)
		}
		if one.Now {
			v.Speed = text("play.speed", size(uint64(one.Rate)))
		}
		views = append(views, v)
	}
	return views
}
