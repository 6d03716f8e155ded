package absfake

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// playback is a playback session. It lives in memory only: a restart of the
// process forgets it. Guarded by Server.mu.
type playback struct {
	id          string
	userID      string
	media       media
	title       string
	device      *device
	deviceJSON  object
	transcode   bool
	stream      *stream // of a transcode
	local       bool    // played offline and reported later
	coverPath   any     // of the item when the session began
	mediaPlayer string
	duration    float64
	startTime   float64
	currentTime *float64 // nil: a sync came without one
	listened    float64
	startedAt   int64
	updatedAt   int64
	day         time.Time
}

// maxPlaybacks bounds the open sessions and the list of those listened to.
const maxPlaybacks = 1000

// device is what a client said of itself, known by its deviceId from then on.
type device struct{ id string }

func (s *Server) playbackLocked(id string) *playback {
	for _, p := range s.playing {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (p *playback) streamURL() string { return "/hls/" + p.id + "/output.m3u8" }

// deviceLocked recognises a device by its deviceId, as the server does.
// abs: server/managers/PlaybackSessionManager.js, server/objects/DeviceInfo.js
func (s *Server) deviceLocked(u *user, info map[string]any, address string) (*device, object) {
	id, _ := info["deviceId"].(string)
	d, known := s.devices[id]
	if !known {
		d = &device{id: newUUID()}
		if id != "" && len(s.devices) < maxPlaybacks {
			s.devices[id] = d
		}
	}
	if id == "" {
		id = d.id
	}
	o := object{{"id", d.id}, {"userId", u.id}, {"deviceId", id}, {"ipAddress", address}}
	text := func(key string) string { t, _ := info[key].(string); return t }
	sdk := text("sdkVersion")
	if n, ok := info["sdkVersion"].(float64); ok {
		sdk = strconv.FormatFloat(n, 'f', -1, 64)
	}
	version := text("clientVersion")
	if version == "" {
		version = string(s.facts.release)
	}
	o = append(o, pair{"clientVersion", version})
	for _, key := range []string{"manufacturer", "model"} {
		if v := text(key); v != "" {
			o = append(o, pair{key, v})
		}
	}
	if sdk != "" || (known && s.facts.emptySDK) {
		o = append(o, pair{"sdkVersion", sdk})
	}
	name, device := text("clientName"), ""
	switch maker := text("manufacturer"); {
	case sdk != "" || text("model") != "":
		if maker == "" {
			maker = "Unknown"
		}
		device = maker + " " + text("model")
		if name == "" {
			name = map[bool]string{true: "Abs Android", false: "Abs iOS"}[sdk != ""]
		}
	case name == "":
		name = "Unknown"
	}
	o = append(o, pair{"clientName", name})
	if device != "" {
		o = append(o, pair{"deviceName", device})
	}
	return d, o
}

// openLocked starts a session; another one of this user on this device ends.
func (s *Server) openLocked(u *user, m media, body map[string]any, address string) *playback {
	info, _ := body["deviceInfo"].(map[string]any)
	d, info2 := s.deviceLocked(u, info, address)
	kept := s.playing[:0:0]
	for _, p := range s.playing {
		if p.userID != u.id || p.device != d {
			kept = append(kept, p)
			continue
		}
		s.emitClosedLocked(u, p)
	}
	s.playing = kept
	if len(s.playing) >= maxPlaybacks {
		s.playing = s.playing[1:]
	}
	now := time.Now()
	p := &playback{
		id: newUUID(), userID: u.id, media: m, title: m.title(), device: d, deviceJSON: info2, mediaPlayer: "unknown",
		duration: m.duration(), startedAt: millis(now), updatedAt: millis(now), day: now, currentTime: new(float64),
		coverPath: m.item.coverPath(),
	}
	if player, _ := body["mediaPlayer"].(string); player != "" {
		p.mediaPlayer = player
	}
	p.transcode = !truthy(body["forceDirectPlay"]) && (truthy(body["forceTranscode"]) || !m.playsAsIs(body["supportedMimeTypes"]))
	if old := u.progressOf(m); old != nil && !old.finished && old.currentTime != nil {
		p.startTime = *old.currentTime
		*p.currentTime = p.startTime
	}
	s.playing = append(s.playing, p)
	if p.transcode {
		s.startStreamLocked(u, p)
	}
	s.emitStreamLocked(u)
	return p
}

func lists(v any, want string) bool {
	list, _ := v.([]any)
	for _, e := range list {
		if e == want {
			return true
		}
	}
	return false
}

// truthy is JavaScript's idea of it.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0 && !math.IsNaN(v)
	default:
		return true
	}
}

// number is a JSON number, or a text that holds one.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case string:
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil
	default:
		return 0, false
	}
}

// progress is how far the session is, between 0 and 1; ok is false when a sync
// took its position away.
func (p *playback) progress() (part float64, ok bool) {
	if p.duration == 0 {
		return 0, true
	}
	if p.currentTime == nil {
		return 0, false
	}
	return max(0, min(*p.currentTime/p.duration, 1)), true
}

// syncLocked takes a player's report. The progress belongs to the user who reports
// it, which for an administrator is not the owner of the session.
func (s *Server) syncLocked(u *user, p *playback, body map[string]any) {
	p.currentTime = nil
	update := object{}
	if at, ok := number(body["currentTime"]); ok {
		p.currentTime = &at
		update = append(update, pair{"currentTime", at})
	} else {
		update = append(update, pair{"currentTime", nil})
	}
	if n, ok := number(body["timeListened"]); ok && n != 0 {
		if p.listened == 0 {
			s.listened = append(s.listened, p)
			if len(s.listened) > maxPlaybacks {
				s.listened = s.listened[1:]
			}
		}
		p.listened += n
		p.updatedAt = millis(time.Now())
	}
	duration, ok := number(body["duration"])
	if !ok || duration == 0 {
		duration = p.duration
	}
	update = append(update, pair{"duration", duration})
	if part, ok := p.progress(); ok {
		update = append(update, pair{"progress", part})
	}
	if p.media.keepsProgress() {
		s.emitProgressLocked(u, p, s.updateProgressLocked(u, p.media, p.media.item.ID, update))
	}
}

// playbackJSON is a session with or without what only its client needs.
func (s *Server) playbackJSON(p *playback, forClient bool) object {
	method := 0
	item := p.media.item
	tracks := p.media.tracks()
	if p.transcode {
		method = 2
		tracks = []object{{
			{"index", 1}, {"startOffset", 0}, {"duration", p.duration}, {"title", p.title}, {"contentUrl", p.streamURL()},
			{"mimeType", "application/vnd.apple.mpegurl"}, {"codec", nil}, {"metadata", nil},
		}}
	}
	if p.local {
		method = 3
	}
	o := object{
		{"id", p.id},
		{"userId", p.userID},
		{"libraryId", item.library.ID},
		{"libraryItemId", item.ID},
		{"bookId", p.media.bookID()},
		{"episodeId", p.media.episodeID()},
		{"mediaType", item.library.mediaType()},
		{"mediaMetadata", item.metadata()},
		{"chapters", item.chapters()},
		{"displayTitle", p.title},
		{"displayAuthor", item.Author},
		{"coverPath", p.coverPath},
		{"duration", p.duration},
		{"playMethod", method},
		{"mediaPlayer", p.mediaPlayer},
		{"deviceInfo", p.deviceJSON},
		{"serverVersion", string(s.facts.release)},
		{"date", p.day.UTC().Format("2006-01-02")},
		{"dayOfWeek", p.day.UTC().Format("Monday")},
		{"timeListening", p.listened},
		{"startTime", p.startTime},
	}
	if p.currentTime != nil {
		o = append(o, pair{"currentTime", *p.currentTime})
	}
	o = append(o, pair{"startedAt", p.startedAt}, pair{"updatedAt", p.updatedAt})
	if forClient {
		o = append(o, pair{"audioTracks", tracks}, pair{"libraryItem", s.itemExpanded(item)})
	}
	return o
}
