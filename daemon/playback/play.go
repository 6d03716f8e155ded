package playback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// lastReports is how long the end waits until the last report is taken.
	lastReports = 30 * time.Second
	// retryEvery is how often what has failed is tried again.
	retryEvery = time.Second
	// goneFor is how long a player that cannot read is started again.
	goneFor = 10 * time.Minute
)

// player is a Session that mpv plays.
type player struct {
	in      *Session
	mpv     *mpv
	track   *tracker
	say     func(string)
	entries map[int]int // playlist entry of mpv → track
	current int         // the track that plays; below 0: none yet
	paused  bool
	broken  time.Time // since when nothing can be read; zero: it can
	loading bool      // mpv was told to load and has not said how it went
	early   float64   // where a file ended before its end; below 0: none did
}

// PlayMPV plays the session with mpv until it ends, the user quits or ctx ends. say is
// told what the user should know. What was heard is reported in any case.
func (in *Session) PlayMPV(ctx context.Context, argv []string, say func(string)) error {
	m, err := startMPV(argv)
	if err != nil {
		return errors.Join(err, in.finish(ctx, newTracker(in.Start, in.Tracks), say))
	}
	p := &player{in: in, mpv: m, track: newTracker(in.Start, in.Tracks), say: say, entries: map[int]int{}, current: -1, early: -1}
	played := p.run(ctx)
	return errors.Join(played, m.close(), in.finish(ctx, p.track, say))
}

func (p *player) run(ctx context.Context) error {
	for n, property := range []string{"time-pos", "pause"} {
		if err := p.mpv.command(0, []any{"observe_property", n + 1, property}); err != nil {
			return nil // it has ended already, and says why by itself
		}
	}
	p.load(p.in.Start)
	r := newReporter(p.in, p.track)
	defer r.close()
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	for {
		select {
		case e, ok := <-p.mpv.events:
			if !ok || e.Event == "shutdown" {
				return nil
			}
			if done, err := p.event(e); done || err != nil {
				return err
			}
		case <-r.tick.C:
			r.report(ctx)
		case err := <-r.reports:
			r.reported(err)
		case <-again.C:
			if err := p.tryAgain(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// load plays from a place of the whole. A player that is gone says so by itself.
func (p *player) load(place float64) {
	titles := make([]string, len(p.in.Tracks))
	for i, t := range p.in.Tracks {
		if titles[i] = p.in.Title; len(p.in.Tracks) > 1 && t.Title != "" {
			titles[i] += ": " + t.Title
		}
	}
	n, at := begin(p.in.Tracks, place)
	p.current, p.loading = -1, true
	p.entries = map[int]int{}
	_ = p.mpv.load(p.in.Tracks, titles, n, at)
}

// event is told what mpv says. It reports true at the end.
func (p *player) event(e mpvEvent) (done bool, err error) {
	if e.Request >= loadRequest {
		var entry struct {
			ID int `json:"playlist_entry_id"`
		}
		if e.Error == "success" && json.Unmarshal(e.Data, &entry) == nil {
			p.entries[entry.ID] = e.Request - loadRequest
		} else if e.Error != "success" {
			return true, fmt.Errorf("mpv does not load a file: %s", e.Error)
		}
		return false, nil
	}
	switch e.Event {
	case "start-file":
		p.current = -1
		p.track.silence()
		if n, known := p.entries[e.Entry]; known {
			p.current = n
		}
	case "file-loaded":
		p.loading = false
		if !p.broken.IsZero() {
			p.say("It goes on.")
			p.broken = time.Time{}
		}
		p.setChapters()
	case "seek":
		p.track.silence()
	case "property-change":
		p.property(e)
	case "end-file":
		return p.fileEnded(e)
	}
	return false, nil
}

func (p *player) property(e mpvEvent) {
	switch e.Name {
	case "pause":
		if json.Unmarshal(e.Data, &p.paused) == nil && p.paused {
			p.track.silence()
		}
	case "time-pos":
		var at *float64
		if json.Unmarshal(e.Data, &at) == nil && at != nil && !p.paused && p.current >= 0 {
			p.track.position(p.current, *at, time.Now())
		}
	}
}

// noSound is mpv's MPV_ERROR_AO_INIT_FAILED in words (player/client.c of mpv).
const noSound = "audio output initialization failed"

// ErrNoSound says that mpv could play to no sound device.
var ErrNoSound = errors.New("mpv cannot open a sound device")

func (p *player) fileEnded(e mpvEvent) (done bool, err error) {
	p.track.silence()
	switch {
	case e.Reason == "quit":
		return true, nil
	case e.Reason == "error" && e.Failure == noSound:
		return true, ErrNoSound // trying again helps nobody
	case e.Reason == "error":
		p.breaks("it cannot be read: " + e.Failure)
	case e.Reason != "eof" || p.current < 0:
	case p.endsEarly():
		// mpv takes a connection that fails for the end of the file.
		p.early = p.track.at
		p.breaks("it broke off")
	case p.current == len(p.in.Tracks)-1:
		p.track.ended()
		return true, nil
	}
	return false, nil
}

// endsEarly reports whether the track that plays has ended before its end, unless it has
// ended there before.
func (p *player) endsEarly() bool {
	t := p.in.Tracks[p.current]
	slack := max(10, t.Duration/50)
	at := p.track.at
	return at < t.Offset+t.Duration-slack && (p.early < 0 || at < p.early-1 || at > p.early+1)
}

// breaks stops mpv, which would go on with the next file.
func (p *player) breaks(why string) {
	p.loading, p.current = false, -1
	p.entries = map[int]int{}
	_ = p.mpv.command(0, []string{"stop"}) // it may be gone
	if p.broken.IsZero() {
		p.broken = time.Now()
		p.say("The file is interrupted, " + why + ". It goes on when it can.")
	}
}

// tryAgain plays on from the last place that was heard, when the local address answers.
func (p *player) tryAgain(ctx context.Context) error {
	switch {
	case p.broken.IsZero() || p.loading:
		return nil
	case time.Since(p.broken) > goneFor:
		return errors.New("the file could not be read for ten minutes")
	case !p.in.server.Answers(ctx):
		return nil
	}
	p.track.start, p.track.arrived = p.track.at, false
	p.load(p.track.at)
	return nil
}

// setChapters gives mpv the chapters of the track that plays.
func (p *player) setChapters() {
	if p.current < 0 {
		return
	}
	t := p.in.Tracks[p.current]
	type chapter struct {
		Title string  `json:"title"`
		Time  float64 `json:"time"`
	}
	var list []chapter
	for _, c := range p.in.Chapters {
		if c.Start >= t.Offset-0.5 && c.Start < t.Offset+t.Duration {
			list = append(list, chapter{c.Title, max(0, c.Start-t.Offset)})
		}
	}
	if len(list) > 1 {
		_ = p.mpv.command(0, []any{"set_property", "chapter-list", list}) // it may be gone
	}
}

// Answers reports whether the local address answers at all.
func (s *Server) Answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, retryEvery)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Base+"/ping", nil)
	if err != nil {
		return false
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// leave keeps what could not be reported because of err. ended is when the player did.
func (in *Session) leave(t *tracker, ended time.Time, err error, say func(string)) error {
	at := time.Duration(t.at * float64(time.Second)).Round(time.Second)
	if in.server.Leave != nil {
		heardAt := ended
		if !t.heardAt.IsZero() {
			heardAt = t.heardAt
		}
		left := in.server.Leave(Left{User: in.user, About: in.about, Place: t.at, Heard: t.unsaid, HeardAt: heardAt})
		if left == nil {
			say(fmt.Sprintf("The place, %v, is kept. It goes to the server when Shelfkeeper starts again.", at))
			return nil
		}
		err = errors.Join(err, left)
	}
	return fmt.Errorf("the last place, %v, could not be stored: %w", at, err)
}

// finish makes the last report and ends the session, also when ctx has ended. Where the
// local address does not answer, it waits for it, and keeps what it cannot report.
func (in *Session) finish(ctx context.Context, t *tracker, say func(string)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastReports)
	defer cancel()
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	ended := time.Now()
	for said := false; ; said = true {
		err := in.Close(ctx, t.at, t.unsaid)
		if err == nil {
			return nil
		}
		if !said && t.unsaid > 0 {
			say("Waiting for Shelfkeeper, to store the place …")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if t.unsaid <= 0 {
				return nil // an open session that says nothing more
			}
			return in.leave(t, ended, err, say)
		}
	}
}
