package dashboard

import (
	"io"
	"net/http"
	"time"
)

const (
	// eventPause lies between two events: several changes become one.
	eventPause = 250 * time.Millisecond
	// trafficPause is how often an open page looks whether requests of players
	// have come, which changes no snapshot; streamPause while something plays.
	trafficPause = 5 * time.Second
	streamPause  = time.Second
	// eventTimeout bounds the writing to a browser that does not read.
	eventTimeout = 10 * time.Second
)

// events tells an open page that something has changed; it asks for itself
// again then. It runs while a page is open and no longer.
func (s *Server) events(w http.ResponseWriter, r *request) {
	h, rc := w.Header(), http.NewResponseController(w)
	h.Set("Content-Type", "text/event-stream")
	send := func(event string) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(eventTimeout))
		_, err := io.WriteString(w, "event: "+event+"\ndata:\n\n")
		return err == nil && rc.Flush() == nil
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for event, seen := "hello", s.traffic(); ; event = "changed" {
		// Taken before the event, so that no change is missed while it is sent.
		d := s.cfg.Daemon
		changed, moved, named, played := d.Changed(), s.signIn.moved.Rung(), s.titles.named.Rung(), d.StreamsChanged()
		looked := s.checks.moved.Rung()
		if !send(event) {
			return
		}
		for waiting := true; waiting; {
			timer.Reset(seen.pause())
			select {
			case <-changed:
				waiting = false
			case <-moved:
				waiting = false
			case <-named:
				waiting = false
			case <-played:
				waiting = false
			case <-looked:
				waiting = false
			case <-timer.C:
				now := s.traffic()
				waiting = now == seen
				seen = now
			case <-r.Context().Done():
				return
			}
		}
		seen = s.traffic()
		timer.Reset(eventPause)
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
}

// traffic is what players did and do.
type traffic struct {
	requests, bytes uint64
	active, streams int
}

func (s *Server) traffic() (sum traffic) {
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		sum.requests += a.Proxy.Requests
		sum.active += a.Proxy.Active
		sum.streams += len(a.Proxy.Streams)
		for _, one := range a.Proxy.Streams {
			sum.bytes += one.Bytes
		}
	}
	return sum
}

// pause is when to look again.
func (t traffic) pause() time.Duration {
	if t.streams > 0 {
		return streamPause
	}
	return trafficPause
}
