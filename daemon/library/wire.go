package library

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"shelfkeeper/daemon/order"
)

// The server's JSON, as far as it is read (abs: server/models/LibraryItem.js, Book.js,
// Podcast.js, PodcastEpisode.js, MediaProgress.js). All of it are foreign bytes.

type wireItem struct {
	ID        string
	MediaType string
	Media     struct {
		Metadata struct {
			Title, AuthorName, Author, SeriesName, NarratorName, FeedURL, Language, Description string

			Authors []struct{ Name string }
		}
		Duration float64
		Tracks   []wireTrack
		Chapters []wireChapter
		Episodes []wireEpisode
	}
	RecentEpisode     *wireEpisode
	UserMediaProgress *wirePlace
}

type wireTrack struct {
	Ino, Title, MIMEType  string
	StartOffset, Duration float64
	Metadata              struct{ Size int64 }
}

type wireChapter struct {
	Title      string
	Start, End float64
}

type wireEpisode struct {
	ID, Title, Description string
	PublishedAt            int64
	Chapters               []wireChapter
	AudioFile              wireTrack
}

type wirePlace struct {
	CurrentTime float64
	IsFinished  bool
}

func (p *wirePlace) place() *Place {
	if p == nil {
		return nil
	}
	return &Place{Seconds: span(p.CurrentTime), Finished: p.IsFinished}
}

// item is the item of a list, without its parts.
func (w *wireItem) item() Item {
	about := w.Media.Metadata
	author := cmp.Or(about.AuthorName, about.Author)
	if author == "" {
		names := make([]string, 0, len(about.Authors))
		for _, a := range about.Authors {
			names = append(names, a.Name)
		}
		author = strings.Join(names, ", ")
	}
	i := Item{ID: w.ID, Kind: Book, Title: line(about.Title), Author: line(author), Series: line(about.SeriesName),
		Duration: span(w.Media.Duration), Place: w.UserMediaProgress.place()}
	if w.MediaType == "podcast" {
		i.Kind, i.Duration = Podcast, 0
	}
	return i
}

// recent is the episode that a search has found in the podcast.
func (w *wireItem) recent() (Item, bool) {
	if w.RecentEpisode == nil || !IsID(w.RecentEpisode.ID) {
		return Item{}, false
	}
	return w.RecentEpisode.part(w.ID, line(w.Media.Metadata.Title)).Item, true
}

func (w *wireItem) detail() Detail {
	d := Detail{Item: w.item(), Language: line(w.Media.Metadata.Language), Chapters: chapters(w.Media.Chapters)}
	if d.Kind == Podcast {
		d.About, d.Feed = text(w.Media.Metadata.Description, maxAbout), w.Media.Metadata.FeedURL
		for i := range w.Media.Episodes {
			if e := &w.Media.Episodes[i]; IsID(e.ID) && IsID(e.AudioFile.Ino) {
				d.Episodes = append(d.Episodes, e.part(d.ID, d.Title))
			}
		}
		order.Stable(d.Episodes, func(a, b Part) int { return cmp.Compare(b.Published, a.Published) })
		return d
	}
	for _, t := range w.Media.Tracks {
		if IsID(t.Ino) {
			d.Tracks = append(d.Tracks, t.track(d.ID))
		}
	}
	// Titles of tracks are names of files. Where each file is a chapter, those are better.
	if len(d.Tracks) == len(d.Chapters) {
		for i := range d.Tracks {
			if d.Chapters[i].Title != "" {
				d.Tracks[i].Title = d.Chapters[i].Title
			}
		}
	}
	return d
}

func (e *wireEpisode) part(podcast, name string) Part {
	p := Part{
		Item:  Item{ID: podcast, Episode: e.ID, Kind: Episode, Title: line(e.Title), Author: name, Duration: span(e.AudioFile.Duration)},
		Track: e.AudioFile.track(podcast), Chapters: chapters(e.Chapters), Published: max(0, e.PublishedAt), About: text(e.Description, maxAbout),
	}
	p.Track.Title, p.Track.Offset = p.Title, 0
	return p
}

func (t *wireTrack) track(item string) Track {
	return Track{Path: "/api/items/" + item + "/file/" + t.Ino, Title: line(t.Title), MIME: line(t.MIMEType), Offset: span(t.StartOffset),
		Duration: span(t.Duration), Size: max(0, t.Metadata.Size)}
}

func chapters(list []wireChapter) (out []Chapter) {
	for _, c := range list {
		out = append(out, Chapter{line(c.Title), span(c.Start), span(c.End)})
	}
	return out
}

// longest is beyond every book, in seconds.
const longest = 1e8

// span is a number of seconds that can be counted with.
func span(seconds float64) float64 { return min(max(seconds, 0), longest) }

// line is a foreign text as one line of bounded length: a title with a line break in it
// must not become two lines of a playlist or of a terminal.
func line(s string) string { return strings.Join(strings.Fields(text(s, maxText)), " ") }

// text is a foreign text in valid UTF-8 of bounded length, without what steers a
// terminal or a reader's eye.
func text(s string, limit int) string {
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError, r == 0xfffe, r == 0xffff:
			return -1
		}
		return r
	}, s)
}
