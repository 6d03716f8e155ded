package conformance

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// script plays the frames of one transcript in their order.
type script struct {
	comparison
	p      *socketPlayer
	c      *Case
	link   *link
	next   int         // frame
	pushed bool        // the last frame came on its own account, not as an answer
	authed bool        // the first authentication has been answered
	spoke  bool        // the last thing that happened was a frame of ours
	acts   func(Frame) // called before a frame of the server is due
}

// handshake compares how the socket was opened.
func (s *script) handshake() {
	var want struct {
		Status     int
		Extensions *string `json:"sec-websocket-extensions"`
		Cookie     *string `json:"set-cookie"`
	}
	if len(s.c.Handshake) == 0 || string(s.c.Handshake) == "null" {
		if s.link.answer != nil {
			s.differ("the handshake is answered with %d, recorded was no answer", s.link.answer.StatusCode)
		}
		return
	}
	if err := json.Unmarshal(s.c.Handshake, &want); err != nil {
		s.differ("the recorded handshake cannot be read: %v", err)
		return
	}
	if s.link.answer == nil {
		s.differ("the handshake fails: %v", s.link.err)
		return
	}
	h := s.link.answer.Header
	if got := s.link.answer.StatusCode; got != want.Status {
		s.differ("the handshake is answered with %d, recorded %d", got, want.Status)
	}
	if got := h.Get("Sec-WebSocket-Extensions"); (got != "") != (want.Extensions != nil) {
		s.differ("the handshake has the extensions %q", got)
	}
	if got := h.Get("Set-Cookie"); (got != "") != (want.Cookie != nil) {
		s.differ("the handshake sets the cookie %q", got)
	}
}

// advance plays on. Unless the case is due, it stops where the recorder waited
// for something to happen: at a frame of the server that has not come, or before
// a frame of ours that answers nothing.
func (s *script) advance(ctx context.Context, due bool) {
	if s.link.err != nil {
		if due {
			s.ending()
		}
		return
	}
	for ; s.next < len(s.c.Frames); s.next++ {
		f := s.c.Frames[s.next]
		switch f.Dir {
		case "in":
			if f.Raw == "2" && !s.link.beats {
				continue // an accident of when the recorder listened
			}
			if s.acts != nil {
				s.acts(f)
			}
			if !s.hear(f, due) {
				return
			}
		case "out":
			if !due && s.authed && !s.pushed && !s.spoke {
				return
			}
			s.say(f)
		default:
			if stopNote(f) {
				s.stopServer(f)
			}
		}
	}
	if due {
		s.ending()
	}
}

// say sends a frame. Heartbeats are answered where they are read.
func (s *script) say(f Frame) {
	s.spoke = true
	text := f.Raw
	if text == "" {
		text = f.Prefix + s.ours(string(plain(f.JSON)))
	}
	if text == "3" {
		return
	}
	if err := s.link.send(text); err != nil {
		s.differ("frame %d cannot be sent: %v", s.next, err)
	}
}

// hear takes the frame that is due; false: it has not come, and may yet.
func (s *script) hear(f Frame, due bool) bool {
	wait := soon
	switch {
	case !due && !s.spoke && !s.opening():
		wait = quiet
	case due && f.Raw == "2":
		wait = time.Duration(f.Millis)*time.Millisecond - time.Since(s.link.start) + soon
	case due:
		wait = longest
	}
	got, ok := s.link.take(wait)
	if !ok {
		if !due {
			return false
		}
		s.differ("frame %d does not come, recorded %.80q", s.next, f.Prefix+f.Raw+string(plain(f.JSON)))
		return true
	}
	s.pushed, s.spoke = !s.spoke && s.authed, false
	if strings.HasPrefix(string(f.JSON), `["init"`) || strings.HasPrefix(string(f.JSON), `["auth_failed"`) {
		s.authed = true
	}
	s.frame(f, got)
	return true
}

// longest is how long a transcode may take to show its first events.
const longest = 10 * time.Second

func (s *script) opening() bool { return !s.authed && opens(s.c) }

var recordedSID = regexp.MustCompile(`"sid": ?"([A-Za-z0-9_-]{20})"`)

// frame compares a frame with the recorded one.
func (s *script) frame(f Frame, got arrival) {
	if f.Raw != "" {
		if got.text != f.Raw {
			s.differ("frame %d is %.200q, recorded %q", s.next, got.text, f.Raw)
			return
		}
		s.time("frame", f.Millis, got.at)
		return
	}
	body, ok := strings.CutPrefix(got.text, f.Prefix)
	if !ok || body == "" || !strings.ContainsAny(body[:1], "[{") {
		s.differ("frame %d is %.200q, recorded %s%.200s", s.next, got.text, f.Prefix, plain(f.JSON))
		return
	}
	recorded := plain(f.JSON)
	if want, own := recordedSID.FindSubmatch(recorded), recordedSID.FindStringSubmatch(body); want != nil && own != nil {
		s.own[string(want[1])] = own[1]
		recorded = []byte(strings.ReplaceAll(string(recorded), string(want[1]), own[1]))
	}
	want, err := decode(recorded)
	if err != nil {
		s.differ("the recorded frame %d cannot be read: %v", s.next, err)
		return
	}
	have, err := decode([]byte(body))
	if err != nil {
		s.differ("frame %d is %.200q: %v", s.next, got.text, err)
		return
	}
	s.value("frame", want, have)
}

// time compares a time where it was long enough to tell something.
func (s *script) time(what string, recorded int64, got time.Duration) {
	if want := time.Duration(recorded) * time.Millisecond; recorded >= timed && (got-want).Abs() > tolerance {
		s.differ("%s %d comes after %v, recorded %v", what, s.next, got, want)
	}
}

// stopServer does to the server what the recorder did in the midst of the
// transcript.
func (s *script) stopServer(f Frame) {
	if strings.HasPrefix(f.Raw, "SIGKILL") {
		s.p.w.Server.Restart()
		return
	}
	s.p.w.Server.RestartCleanly()
}

// ending compares how the socket closed, or that it did not and nothing more
// came.
func (s *script) ending() {
	if s.c.Closed == nil {
		for {
			got, ok := s.link.take(quiet)
			if !ok {
				break
			}
			if got.text == "2" {
				continue // the recorder had gone by then
			}
			s.differ("%.200q comes at the end, recorded was nothing", got.text)
		}
		if s.link.err == nil && s.link.over(time.Millisecond) {
			s.differ("it is closed with %d, recorded was no close", s.link.code)
		}
		return
	}
	if strings.Contains(s.c.What, "binary frame") {
		if err := s.link.sendBinary([]byte{1, 2, 3}); err != nil {
			s.differ("the binary frame cannot be sent: %v", err)
		}
	}
	if !s.link.over(time.Duration(s.c.Closed.Millis)*time.Millisecond + soon) {
		s.differ("it is still open, recorded was a close with %d", s.c.Closed.Code)
		return
	}
	if got, ok := s.link.take(0); ok {
		s.differ("%.200q comes before the close, recorded was nothing", got.text)
	}
	if s.link.code != s.c.Closed.Code {
		s.differ("it is closed with %d, recorded %d", s.link.code, s.c.Closed.Code)
	}
	s.time("the close", s.c.Closed.Millis, s.link.end)
}
