package absfake

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// A transcode is a playlist of segments of six seconds, the whole of it written
// at once, and segments that appear one after the other as the transcoder makes
// them. Nothing under /hls asks for a token.
// abs: server/objects/Stream.js, server/routers/HlsRouter.js

const (
	segmentSeconds = 6

	// firstSegment is how long after its start a transcode has its first segment.
	// (Measured: 60 to 80 ms with an MP3.)
	firstSegment = 70 * time.Millisecond

	// segmentEvery is how fast the segments after it come. (Measured: half an hour
	// of MP3 took 320 to 360 ms.)
	segmentEvery = time.Millisecond
)

// segments is how many segments the session has.
func (p *playback) segments() int { return int(math.Ceil(p.duration / segmentSeconds)) }

// written is how many of them are there now.
func (p *playback) written() int {
	age := time.Since(time.UnixMilli(p.startedAt))
	if age < firstSegment {
		return 0
	}
	return min(p.segments(), 1+int((age-firstSegment)/segmentEvery))
}

// playlist is the session's output.m3u8. Until 2.29.0 it told everyone the
// user's token without an end. abs: server/utils/generators/hlsPlaylistGenerator.js
func (p *playback) playlist(token string) []byte {
	if token != "" {
		token = "?token=" + token
	}
	var b bytes.Buffer
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-ALLOW-CACHE:NO\n#EXT-X-TARGETDURATION:6\n" +
		"#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n")
	for n := range p.segments() {
		length := float64(segmentSeconds)
		if rest := p.duration - float64(n*segmentSeconds); rest < length {
			length = rest
		}
		fmt.Fprintf(&b, "#EXTINF:%s,\noutput-%d.ts%s\n", strconv.FormatFloat(length, 'f', -1, 64), n, token)
	}
	b.WriteString("#EXT-X-ENDLIST")
	return b.Bytes()
}

func (s *Server) getHLS(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	p := s.playbackLocked(q.params["id"])
	token := ""
	if p != nil {
		if u := s.userByIDLocked(p.userID); u != nil && s.facts.tokenInPlaylist {
			token = u.legacy
		}
	}
	s.mu.Unlock()
	if p == nil || !p.transcode {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	name := q.params["file"]
	ext := path.Ext(name)
	if ext != ".ts" && ext != ".m3u8" {
		sendStatus(w, q.Request, http.StatusBadRequest)
		return
	}
	f := &File{Name: name, Modified: time.UnixMilli(p.startedAt)}
	var body []byte
	switch n, isSegment := segmentNumber(name); {
	case name == "output.m3u8":
		f.MIME, body = "application/vnd.apple.mpegurl", p.playlist(token)
	case isSegment && n < p.written():
		f.MIME, body = "video/mp2t", segment(n, segmentSeconds)
	default:
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	f.Size, f.ReaderAt = int64(len(body)), bytes.NewReader(body)
	sendFile(w, q.Request, f)
}

func segmentNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "output-")
	digits, isSegment := strings.CutSuffix(digits, ".ts")
	n, err := strconv.Atoi(digits)
	return n, ok && isSegment && err == nil && n >= 0 && strconv.Itoa(n) == digits
}
