// Package playlist writes what players read: playlists of a book or an episode, the feed
// of a podcast, and the list of all feeds. Titles in them are foreign bytes; none may
// become a line or an element of its own.
package playlist

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"shelfkeeper/daemon/library"
)

// Types of the files, as they are served.
const (
	M3UType  = "audio/x-mpegurl; charset=utf-8"
	XSPFType = "application/xspf+xml; charset=utf-8"
	OPMLType = "text/x-opml; charset=utf-8"
	RSSType  = "application/rss+xml; charset=utf-8"
)

// Address makes the address of a path at the local server, with what its reader needs to
// come in.
type Address func(path string) string

// Entry is a line of a playlist.
type entry struct {
	title, artist, album string
	track                library.Track
	at                   float64 // where to begin in it, in seconds
	chapters             []library.Chapter
}

// entries are the files of d in order, without those that end before the place from.
func entries(d library.Detail, from float64) (list []entry) {
	for _, part := range d.Episodes {
		list = append(list, entry{title: part.Title, artist: part.Author, album: d.Title, track: part.Track, chapters: part.Chapters})
	}
	for n, t := range d.Tracks {
		last := n == len(d.Tracks)-1
		if !last && t.Offset+t.Duration <= from {
			continue
		}
		e := entry{title: d.Title, artist: d.Author, album: d.Title, track: t, at: max(0, from-t.Offset)}
		if e.at >= t.Duration {
			e.at = 0
		}
		if d.Kind == library.Book && len(d.Tracks) > 1 && t.Title != "" {
			e.title = t.Title
		}
		for _, c := range d.Chapters {
			if c.Start >= t.Offset-slack && c.Start < t.Offset+t.Duration-slack {
				c.Start, c.End = max(0, c.Start-t.Offset), c.End-t.Offset
				e.chapters = append(e.chapters, c)
			}
		}
		list = append(list, e)
	}
	return list
}

// slack is how far a chapter's beginning may lie from its file's, in seconds.
const slack = 0.5

// M3U is an extended M3U playlist in UTF-8. from is where to begin, in seconds: earlier
// files are left out, and VLC begins there. The format has no chapters.
func M3U(d library.Detail, from float64, address Address) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXTENC:UTF-8\n#PLAYLIST:%s\n", oneLine(d.Title))
	for _, e := range entries(d, from) {
		title := oneLine(e.title)
		if e.artist != "" {
			// Players take what stands before " - " for the artist.
			title = strings.ReplaceAll(oneLine(e.artist), " - ", ", ") + " - " + title
		}
		fmt.Fprintf(&b, "#EXTINF:%d,%s\n", int(math.Ceil(e.track.Duration)), title)
		if e.album != "" {
			fmt.Fprintf(&b, "#EXTALB:%s\n", oneLine(e.album))
		}
		if e.at >= 1 {
			fmt.Fprintf(&b, "#EXTVLCOPT:start-time=%d\n", int(e.at))
		}
		b.WriteString(oneLine(address(e.track.Path)) + "\n")
	}
	return b.Bytes()
}

// oneLine keeps a text on the line that it stands on.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// The elements of XSPF version 1 (https://xspf.org/spec), in the order that it asks for.
type xspf struct {
	XMLName xml.Name    `xml:"http://xspf.org/ns/0/ playlist"`
	Version string      `xml:"version,attr"`
	Title   string      `xml:"title,omitempty"`
	Creator string      `xml:"creator,omitempty"`
	Image   string      `xml:"image,omitempty"`
	Tracks  []xspfTrack `xml:"trackList>track"`
}

type xspfTrack struct {
	Location   string `xml:"location"`
	Title      string `xml:"title,omitempty"`
	Creator    string `xml:"creator,omitempty"`
	Annotation string `xml:"annotation,omitempty"`
	Album      string `xml:"album,omitempty"`
	Number     int    `xml:"trackNum"`
	Duration   int64  `xml:"duration,omitempty"` // ms
}

// XSPF is an XSPF playlist. The chapters of a file stand in its annotation, one a line
// with its time: the format has no element for them.
func XSPF(d library.Detail, from float64, address Address) ([]byte, error) {
	out := xspf{Version: "1", Title: d.Title, Creator: d.Author, Image: address("/api/items/" + d.ID + "/cover")}
	for n, e := range entries(d, from) {
		t := xspfTrack{Location: address(e.track.Path), Title: e.title, Creator: e.artist, Album: e.album, Number: n + 1,
			Duration: int64(math.Round(e.track.Duration * 1000))}
		if len(e.chapters) > 1 {
			var lines []string
			for _, c := range e.chapters {
				lines = append(lines, clock(c.Start)+" "+oneLine(c.Title))
			}
			t.Annotation = strings.Join(lines, "\n")
		}
		out.Tracks = append(out.Tracks, t)
	}
	return document(out)
}

// clock is a moment as h:mm:ss.
func clock(seconds float64) string {
	s := int(seconds)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

func document(v any) ([]byte, error) {
	body, err := xml.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write XML: %w", err)
	}
	return append(append([]byte(xml.Header), body...), '\n'), nil
}

type opml struct {
	XMLName  xml.Name  `xml:"opml"`
	Version  string    `xml:"version,attr"`
	Title    string    `xml:"head>title"`
	Outlines []outline `xml:"body>outline"`
}

type outline struct {
	Text  string `xml:"text,attr"`
	Title string `xml:"title,attr"`
	Type  string `xml:"type,attr"`
	URL   string `xml:"xmlUrl,attr"`
}

// OPML lists the podcasts with the feeds that the local server makes of them.
func OPML(podcasts []library.Detail, address Address) ([]byte, error) {
	out := opml{Version: "2.0", Title: "Podcasts of Audiobookshelf"}
	for _, p := range podcasts {
		out.Outlines = append(out.Outlines, outline{p.Title, p.Title, "rss", address(FeedPath(p.ID))})
	}
	return document(out)
}

// FeedPath is where the local server has the feed of a podcast.
func FeedPath(id string) string { return "/_shelfkeeper/podcast/" + id + ".rss" }

type rss struct {
	XMLName xml.Name `xml:"rss"`
	Version string   `xml:"version,attr"`
	ITunes  string   `xml:"xmlns:itunes,attr"`
	Channel channel  `xml:"channel"`
}

type channel struct {
	Title       string     `xml:"title"`
	Link        string     `xml:"link"`
	Description string     `xml:"description"`
	Language    string     `xml:"language,omitempty"`
	Author      string     `xml:"itunes:author,omitempty"`
	Image       *image     `xml:"itunes:image"`
	Items       []feedItem `xml:"item"`
}

type image struct {
	Href string `xml:"href,attr"`
}

type feedItem struct {
	Title       string    `xml:"title"`
	Description string    `xml:"description,omitempty"`
	GUID        guid      `xml:"guid"`
	Published   string    `xml:"pubDate,omitempty"`
	Duration    string    `xml:"itunes:duration,omitempty"`
	Enclosure   enclosure `xml:"enclosure"`
}

type guid struct {
	Text        string `xml:",chardata"`
	IsPermaLink bool   `xml:"isPermaLink,attr"`
}

type enclosure struct {
	URL    string `xml:"url,attr"`
	Length int64  `xml:"length,attr"`
	Type   string `xml:"type,attr"`
}

// RSS is the feed of a podcast: its episodes as the server has them.
func RSS(d library.Detail, address Address) ([]byte, error) {
	out := rss{Version: "2.0", ITunes: "http://www.itunes.com/dtds/podcast-1.0.dtd", Channel: channel{
		Title: d.Title, Link: address("/item/" + d.ID), Description: d.About, Language: d.Language, Author: d.Author,
		Image: &image{address("/api/items/" + d.ID + "/cover")},
	}}
	for _, e := range d.Episodes {
		item := feedItem{Title: e.Title, Description: e.About, GUID: guid{Text: e.Episode},
			Enclosure: enclosure{address(e.Track.Path), e.Track.Size, e.Track.MIME}}
		if e.Published > 0 && e.Published < latest {
			item.Published = time.UnixMilli(e.Published).UTC().Format(time.RFC1123Z)
		}
		if e.Track.Duration > 0 {
			item.Duration = strconv.Itoa(int(math.Round(e.Track.Duration)))
		}
		out.Channel.Items = append(out.Channel.Items, item)
	}
	return document(out)
}

// latest is the last moment that a date with four digits for the year can tell, in ms.
const latest = 253402300800000

// Path is where the local server has the playlist of an item.
func Path(i library.Item, format string) string {
	return "/_shelfkeeper/playlist/" + i.Name() + "." + format
}
