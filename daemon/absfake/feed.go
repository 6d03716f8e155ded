package absfake

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// feed is an item as a podcast that anyone may read who knows its slug: neither
// the feed nor its files ask for a token. Guarded by Server.mu.
// abs: server/models/Feed.js, server/managers/RssFeedManager.js
type feed struct {
	id, slug, address, userID string
	item                      *Item
	episodes                  []string // ids, one for each file
	createdAt                 time.Time
}

func (f *feed) url() string { return "/feed/" + f.slug }

func (f *feed) image() string {
	if f.item.cover() == nil {
		return "/Logo.png"
	}
	return f.url() + "/cover.jpg"
}

// feedEntry is a track of a book or an episode of a podcast.
type feedEntry struct {
	title     string
	file      *File
	published time.Time
}

// feedEntries are the newest episodes first, but the tracks of a book in order.
// abs: server/models/FeedEpisode.js
func (i *Item) feedEntries() []feedEntry {
	var out []feedEntry
	for _, e := range slices.Backward(i.Episodes) {
		out = append(out, feedEntry{e.Title, e.File, e.Published})
	}
	if i.Episodes != nil {
		return out
	}
	for n, f := range i.Files {
		out = append(out, feedEntry{i.Chapters[min(n, len(i.Chapters)-1)].Title, f, i.Modified})
	}
	return out
}

func (f *feed) minified() object {
	return object{
		{"id", f.id},
		{"entityType", "libraryItem"},
		{"entityId", f.item.ID},
		{"feedUrl", f.url()},
		{"meta", object{{"title", f.item.Title}, {"description", orNil(f.item.Description)}, {"preventIndexing", true}, {"ownerName", nil},
			{"ownerEmail", nil}}},
	}
}

func (s *Server) feedLocked(fits func(*feed) bool) *feed {
	if n := slices.IndexFunc(s.feeds, fits); n >= 0 {
		return s.feeds[n]
	}
	return nil
}

func (s *Server) getFeeds(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	list := []object{}
	s.mu.Lock()
	for _, f := range s.feeds {
		list = append(list, f.minified())
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"feeds", list}, {"minified", list}})
}

func (s *Server) postFeed(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	item := s.item(q.params["id"])
	address, slug := q.text("serverAddress"), q.text("slug")
	switch {
	case item == nil:
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	case address == "" || slug == "":
		sendText(w, q.Request, http.StatusBadRequest, "Invalid request body")
		return
	}
	f := &feed{id: newUUID(), slug: slug, address: address, userID: q.user.id, item: item, createdAt: time.Now()}
	for range item.feedEntries() {
		f.episodes = append(f.episodes, newUUID())
	}
	s.mu.Lock()
	if s.feedLocked(func(o *feed) bool { return o.slug == slug }) != nil {
		s.mu.Unlock()
		sendText(w, q.Request, http.StatusBadRequest, "Slug already in use")
		return
	}
	s.feeds = append(s.feeds, f)
	s.emitAllLocked("rss_feed_open", f.minified())
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"feed", f.minified()}})
}

func (s *Server) closeFeed(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	s.mu.Lock()
	f := s.feedLocked(func(o *feed) bool { return o.id == q.params["id"] })
	if f != nil {
		s.feeds = slices.DeleteFunc(s.feeds, func(o *feed) bool { return o == f })
		s.emitAllLocked("rss_feed_closed", f.minified())
	}
	s.mu.Unlock()
	if f == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}

// getFeed is the feed as XML, with addresses as the reader sees the server.
func (s *Server) getFeed(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	f := s.feedLocked(func(o *feed) bool { return o.slug == q.params["slug"] })
	s.mu.Unlock()
	if f == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	send(w, q.Request, http.StatusOK, "text/xml; charset=utf-8", f.xml(q.origin()+s.cfg.BasePath))
}

func (f *feed) xml(prefix string) []byte {
	var b bytes.Buffer
	text := func(s string) string {
		var e strings.Builder
		_ = xml.EscapeText(&e, []byte(s)) // a builder takes everything
		return e.String()
	}
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	i := f.item
	p(`<?xml version="1.0" encoding="UTF-8"?><rss xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"` +
		` xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>`)
	p("<title>%s</title><link>%s/item/%s</link><generator>Audiobookshelf</generator>", text(i.Title), prefix, i.ID)
	p(`<atom:link href="%s%s" rel="self" type="application/rss+xml"/><itunes:author>%s</itunes:author><itunes:image href="%s%s"/>`,
		prefix, text(f.url()), text(i.Author), prefix, text(f.image()))
	for n, e := range i.feedEntries() {
		file := e.file
		at := fmt.Sprintf("%s%s/item/%s/media%s", prefix, f.url(), f.episodes[n], file.Name[strings.LastIndex(file.Name, "."):])
		p("<item><title>%s</title><guid isPermaLink=\"false\">%s</guid><pubDate>%s</pubDate>", text(e.title), text(at),
			e.published.UTC().Format(http.TimeFormat))
		p(`<enclosure url="%s" length="%d" type="%s"/><itunes:duration>%d</itunes:duration></item>`, text(at), file.Size,
			text(file.audio.mime), int(math.Round(file.Duration)))
	}
	p("</channel></rss>")
	return b.Bytes()
}

func (s *Server) getFeedItem(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	f := s.feedLocked(func(o *feed) bool { return o.slug == q.params["slug"] })
	s.mu.Unlock()
	if f != nil {
		if n := slices.Index(f.episodes, q.params["episode"]); n >= 0 {
			sendFile(w, q.Request, f.item.feedEntries()[n].file)
			return
		}
	}
	sendStatus(w, q.Request, http.StatusNotFound)
}

func (s *Server) getFeedCover(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	f := s.feedLocked(func(o *feed) bool { return o.slug == q.params["slug"] })
	s.mu.Unlock()
	if f == nil || f.item.cover() == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendFile(w, q.Request, f.item.cover())
}
