package answers

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/library/playlist"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/redact"
)

// Shelf is what the server's libraries hold; see library.Library.
type Shelf interface {
	Item(ctx context.Context, item, episode string) (library.Detail, error)
	Podcasts(ctx context.Context) ([]library.Detail, error)
}

// addresses returns how the answer to c names what is here. The credential that c
// presents goes along, so that its player comes in with the addresses too. A program of
// the user that presents none gets addresses without one.
func (c *Request) addresses() playlist.Address {
	return func(path string) string {
		u := url.URL{Path: path}
		if c.Bearer != "" {
			u.RawQuery = url.Values{"token": {c.Bearer}}.Encode()
		}
		return c.Origin + u.String()
	}
}

// playlistFile answers GET /_shelfkeeper/playlist/ITEM.m3u8 and .xspf, and ITEM/EPISODE
// likewise: the audio files in order. With ?from=SECONDS it begins there, with
// ?from=place where the user is.
func (s *Local) playlistFile(w http.ResponseWriter, c *Request) *refusal.Refusal {
	parts := route.Segments(c.Path) // _shelfkeeper playlist ITEM [EPISODE]
	last := parts[len(parts)-1]
	name, format, _ := strings.Cut(last, ".")
	item, episode := name, ""
	if len(parts) > 3 {
		item, episode = parts[2], name
	}
	if format != "m3u8" && format != "m3u" && format != "xspf" {
		return refusal.NotThere
	}
	d, no := s.shelfItem(c, item, episode)
	if no != nil {
		return no
	}
	if len(d.Tracks)+len(d.Episodes) == 0 {
		return refusal.NotThere.Because("there is nothing to hear in it")
	}
	from, err := startOf(c.URL.Query().Get("from"), d)
	if err != nil {
		return refusal.BadStart
	}
	if format != "xspf" {
		answerFile(w, playlist.M3UType, last, playlist.M3U(d, from, c.addresses()))
		return nil
	}
	body, err := playlist.XSPF(d, from, c.addresses())
	if err != nil {
		return refusal.Temporary.Because(err.Error())
	}
	answerFile(w, playlist.XSPFType, last, body)
	return nil
}

// startOf reads where a playlist is to begin.
func startOf(from string, d library.Detail) (float64, error) {
	switch {
	case from == "place" && d.Place != nil && !d.Place.Finished:
		return d.Place.Seconds, nil
	case from == "place" || from == "":
		return 0, nil
	}
	n, err := strconv.ParseUint(from, 10, 31)
	return float64(n), err
}

// podcastFeed answers GET /_shelfkeeper/podcast/ITEM.rss.
func (s *Local) podcastFeed(w http.ResponseWriter, c *Request) *refusal.Refusal {
	parts := route.Segments(c.Path)
	name, ok := strings.CutSuffix(parts[2], ".rss")
	if !ok {
		return refusal.NotThere
	}
	d, no := s.shelfItem(c, name, "")
	switch {
	case no != nil:
		return no
	case d.Kind != library.Podcast:
		return refusal.NotThere.Because("it is no podcast")
	}
	body, err := playlist.RSS(d, c.addresses())
	if err != nil {
		return refusal.Temporary.Because(err.Error())
	}
	answerFile(w, playlist.RSSType, parts[2], body)
	return nil
}

// podcastList answers GET /_shelfkeeper/podcasts.opml.
func (s *Local) podcastList(w http.ResponseWriter, c *Request) *refusal.Refusal {
	if s.cfg.Shelf == nil {
		return refusal.NotThere
	}
	list, err := s.cfg.Shelf.Podcasts(c.Context())
	if err != nil {
		return shelfRefusal(err)
	}
	body, err := playlist.OPML(list, c.addresses())
	if err != nil {
		return refusal.Temporary.Because(err.Error())
	}
	answerFile(w, playlist.OPMLType, "podcasts.opml", body)
	return nil
}

func (s *Local) shelfItem(c *Request, item, episode string) (library.Detail, *refusal.Refusal) {
	if s.cfg.Shelf == nil {
		return library.Detail{}, refusal.NotThere
	}
	d, err := s.cfg.Shelf.Item(c.Context(), item, episode)
	if err != nil {
		return d, shelfRefusal(err)
	}
	return d, nil
}

// shelfRefusal says why the server's libraries do not tell something.
func shelfRefusal(err error) *refusal.Refusal {
	if library.IsMissing(err) {
		return refusal.NotThere.Because(redact.Text(err.Error()))
	}
	return refusal.Temporary.Because(redact.Text(err.Error()))
}

func answerFile(w http.ResponseWriter, kind, name string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Disposition", `inline; filename="`+name+`"`) // an id and an ending
	h.Set("Cache-Control", "no-store")                          // it may hold a grant
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the player may be gone
}
