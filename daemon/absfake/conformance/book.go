package conformance

import (
	"encoding/json"
	"strings"
	"time"

	"shelfkeeper/daemon/absfake"
)

// recordedTrack is a track in the words of the server.
type recordedTrack struct {
	Ino      string
	Metadata struct {
		Filename                  string
		Size, MtimeMs, CtimeMs    int64
		BirthtimeMs               int64
		Path                      string
		RelPath, Ext, Unavailable string
	}
	Format, Codec, TimeBase, ChannelLayout, MimeType string
	Duration                                         float64
	BitRate, Channels                                int
	TrackNumFromMeta                                 *int
	MetaTags                                         json.RawMessage
}

// book is the book of the recorder's library, from the answer that tells most
// of it: all groups of a recording had the same files.
func (w *World) book() (absfake.Book, bool) {
	for _, c := range w.rec.Cases {
		if c.Response == nil {
			continue
		}
		var body struct {
			DisplayTitle, DisplayAuthor string
			AudioTracks                 []json.RawMessage
			LibraryItem                 struct{ Ino string }
		}
		if json.Unmarshal(c.Response.Body, &body) != nil || body.DisplayTitle == "" || len(body.AudioTracks) < 2 {
			continue
		}
		b := absfake.Book{Title: body.DisplayTitle, Author: body.DisplayAuthor, Ino: body.LibraryItem.Ino}
		for _, raw := range body.AudioTracks {
			var t recordedTrack
			if json.Unmarshal(raw, &t) != nil || t.Ino == "" {
				break // elided
			}
			b.Files = append(b.Files, t.file())
		}
		if len(b.Files) == len(body.AudioTracks) {
			return b, true
		}
	}
	return absfake.Book{}, false
}

func (t recordedTrack) file() absfake.BookFile {
	f := absfake.BookFile{
		Name: t.Metadata.Filename, Ino: t.Ino, Size: t.Metadata.Size, Duration: t.Duration, MIME: t.MimeType,
		Modified: time.UnixMilli(t.Metadata.MtimeMs), Created: time.UnixMilli(t.Metadata.BirthtimeMs),
		Format: t.Format, Codec: t.Codec, TimeBase: t.TimeBase, ChannelLayout: t.ChannelLayout, BitRate: t.BitRate, Channels: t.Channels,
	}
	if t.TrackNumFromMeta != nil {
		f.Track = *t.TrackNumFromMeta
	}
	v, _ := decode(t.MetaTags)
	tags, _ := v.(members)
	for _, tag := range tags {
		text, _ := tag.value.(string)
		f.Tags = append(f.Tags, [2]string{tag.key, text})
	}
	if title := tags.text("tagTitle"); title != "" {
		f.Chapter = title
	} else {
		f.Chapter = strings.TrimSuffix(f.Name, t.Metadata.Ext)
	}
	return f
}
