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
	// have come, which changes no snapshot.
	trafficPause = 5 * time.Second
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
	look := time.NewTicker(trafficPause)
	defer look.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for event, seen := "hello", s.traffic(); ; event = "changed" {
		// Taken before the event, so that no change is missed while it is sent.
		changed, moved := s.cfg.Daemon.Changed(), s.signIn.changes()
		if !send(event) {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-moved:
				waiting = false
			case <-look.C:
				now := s.traffic()
				waiting = now == seen
				seen = now
			case <-r.Context().Done():
				return
			}
		}
		pause.Reset(eventPause)
		select {
		case <-pause.C:
		case <-r.Context().Done():
			return
		}
	}
}

// traffic counts what players did and do.
func (s *Server) traffic() (sum [2]uint64) {
	for _, a := range s.cfg.Daemon.Snapshot().Accounts {
		sum[0] += a.Proxy.Requests
		sum[1] += uint64(a.Proxy.Active)
	}
	return sum
}
