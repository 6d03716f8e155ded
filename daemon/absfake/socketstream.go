package absfake

import (
	"fmt"
	"strconv"
	"time"
)

// What the server tells of a transcode. abs: server/objects/Stream.js
const (
	// streamLook is how often it looks how far the transcoder is.
	streamLook = 2 * time.Second
	// streamReady is the number of segments from which it calls a stream open.
	streamReady = 6
	// streamBack is how many seconds before the position it begins.
	streamBack = 30
)

// stream tells the user's sockets how a transcode goes on. Guarded by Server.mu.
type stream struct {
	s      *Server
	u      *user
	p      *playback
	opened bool
	lookAt *ownedTimer
	endAt  *ownedTimer
}

// startStreamLocked begins to tell.
func (s *Server) startStreamLocked(u *user, p *playback) {
	st := &stream{s: s, u: u, p: p}
	p.stream = st
	st.lookAt = s.afterLocked(0, func() {
		st.progress(0, 0, []string{}, "0%")
		st.lookAt = s.afterLocked(streamLook, st.look)
	})
	all := firstSegment + time.Duration(p.segments()-1)*segmentEvery
	st.endAt = s.afterLocked(all, func() {
		st.open()
		st.lookAt.stop()
	})
}

// look tells how far it is.
func (st *stream) look() {
	st.lookAt = st.s.afterLocked(streamLook, st.look)
	n, of := st.p.written(), st.p.segments()
	if n == 0 {
		return
	}
	if n > streamReady {
		st.open()
	}
	chunk := "0-" + strconv.Itoa(n-1)
	if n == 1 {
		chunk = "0"
	}
	st.progress(n, of, []string{chunk}, fmt.Sprintf("%.2f%%", float64(n)*100/float64(of)))
}

func (st *stream) progress(n, of int, chunks any, percent string) {
	o := object{{"stream", st.p.id}}
	if n == 0 {
		o = append(o, object{{"chunks", chunks}, {"numSegments", of}, {"percent", percent}}...)
	} else {
		o = append(o, object{{"percent", percent}, {"chunks", chunks}, {"numSegments", of}}...)
	}
	st.s.emitLocked(st.u.id, "stream_progress", o)
}

// open tells once that there is something to play.
func (st *stream) open() {
	if st.opened {
		return
	}
	st.opened = true
	start := st.p.startTime
	st.s.emitLocked(st.u.id, "stream_open", object{
		{"id", st.p.id},
		{"userId", st.u.id},
		{"libraryItem", st.s.itemExpanded(st.p.media.item)},
		{"episode", st.p.media.episodeExpanded()},
		{"segmentLength", segmentSeconds},
		{"playlistPath", MetadataPath + "/streams/" + st.p.id + "/output.m3u8"},
		{"clientPlaylistUri", st.p.streamURL()},
		{"startTime", start},
		{"segmentStartNumber", int(max(start-streamBack, 0) / segmentSeconds)},
		{"isTranscodeComplete", false}, // set after this was told
	})
}

// closeStreamLocked tells the end of the session's transcode, if it has one.
func (s *Server) closeStreamLocked(p *playback) {
	if p.stream == nil {
		return
	}
	p.stream.stop()
	s.emitLocked(p.stream.u.id, "stream_closed", p.id)
	p.stream = nil
}

func (st *stream) stop() {
	if st != nil {
		st.lookAt.stop()
		st.endAt.stop()
	}
}
