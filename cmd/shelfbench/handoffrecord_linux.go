package main

import (
	"encoding/json"
)

// record is the timeline of one trial: what was up when, from five seconds
// before it to when the last client had recovered, at most half a minute later.
func (w *world) record(t trial) eventRecord {
	at := func(ms int64) float64 { return float64(ms-t.zero.UnixMilli()) / 1000 }
	r := eventRecord{Event: t.event, From: at(t.began.UnixMilli()) - 5, To: min(at(t.ended.UnixMilli())+3, 30)}
	r.Tracks = append(r.Tracks, track{"path to the server", w.path(t, r)})
	r.Tracks = append(r.Tracks, track{"Shelfkeeper's socket at the server", w.upstream(at, r.To)})
	r.Tracks = append(r.Tracks, track{"the player's socket", connected(w.clients[ours], at, r.To)})
	r.Tracks = append(r.Tracks, track{"events at the player", spansOf(times(w.clients[ours].lines(), "tick", at), 0.6)})
	r.Tracks = append(r.Tracks, track{"the player's stream", spansOf(times(t.streamed, "bytes", at), 1)})
	r.Tracks = append(r.Tracks, track{"socket.io-client alone", connected(w.clients[npm], at, r.To)})
	r.Tracks = append(r.Tracks, track{"events at it", spansOf(times(w.clients[npm].lines(), "tick", at), 0.6)})
	return r
}

func (c *child) lines() []said {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]said(nil), c.all...)
}

func times(lines []said, what string, at func(int64) float64) (out []float64) {
	for _, l := range lines {
		if l.What == what {
			out = append(out, at(l.At))
		}
	}
	return out
}

// path is when the server could be reached over connections that existed, or
// over new ones after what happened.
func (w *world) path(t trial, r eventRecord) []span {
	gone := float64(t.began.UnixMilli()-t.zero.UnixMilli()) / 1000
	return []span{{r.From, gone}, {0, r.To}}
}

// connected is when a client said that its socket was connected.
func connected(c *child, at func(int64) float64, until float64) (spans []span) {
	up := false
	for _, l := range c.lines() {
		switch l.What {
		case "connect":
			spans, up = append(spans, span{at(l.At), until}), true
		case "disconnect":
			if up {
				spans[len(spans)-1].To, up = at(l.At), false
			}
		}
	}
	return spans
}

// upstream is when the daemon said that its own socket was authenticated.
func (w *world) upstream(at func(int64) float64, until float64) (spans []span) {
	w.status.mu.Lock()
	defer w.status.mu.Unlock()
	up, n := false, 0
	for _, l := range w.status.all {
		if l.What != "raw" {
			continue
		}
		var s struct {
			Accounts []struct{ Socket struct{ State string } }
		}
		err := json.Unmarshal([]byte(w.status.raw[n]), &s)
		n++
		if err != nil || len(s.Accounts) == 0 {
			continue
		}
		now := s.Accounts[0].Socket.State == "authenticated"
		switch {
		case now && !up:
			spans = append(spans, span{at(l.At), until})
		case !now && up:
			spans[len(spans)-1].To = at(l.At)
		}
		up = now
	}
	return spans
}
