package absfake

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// libraryTime is when every sample file was last changed. It is fixed, so that
// ETags and dates are the same from run to run, and lies before the epoch of a
// testing/synctest bubble.
var libraryTime = time.Date(1999, time.May, 1, 8, 0, 0, 123_000_000, time.UTC)

// Library is a library of the server: ten books made in code, or those of
// Config.Books; with Config.Podcasts another of podcasts. It never changes, and reading it is free of any lock.
type Library struct {
	ID       string
	FolderID string
	Name     string
	Items    []*Item

	path    string // of its folder on the server
	podcast bool
}

// Item is a book or a podcast.
type Item struct {
	ID       string
	MediaID  string // the book or podcast behind the library item
	AuthorID string
	Ino      string
	Title    string
	Author   string

	Description string  // of a podcast
	Files       []*File // its tracks in order; of a podcast, those of its episodes
	Chapters    []Chapter
	Episodes    []*Episode // of a podcast, the oldest first; of a book nil
	Cover       *File      // as the server started with it; nil: none
	Modified    time.Time

	library  *Library
	released time.Time // of a podcast without its episodes, when the newest came out
	seed     uint16
	uploaded atomic.Pointer[File] // a cover that came later
}

// Chapter is a named span of a book, in seconds from its beginning.
type Chapter struct {
	Title      string
	Start, End float64
}

// File is a file of an item. ReadAt gives its true bytes, which are the same on
// every machine and in every run.
type File struct {
	Ino      string
	Name     string
	Path     string  // on the server
	Size     int64   // bytes
	Duration float64 // seconds; 0 for a picture
	Offset   float64 // where the track begins within the book, in seconds
	MIME     string  // the Content-Type it is served with
	Modified time.Time

	audio audio
	io.ReaderAt
}

// audio is what the server's scanner found in a file.
type audio struct {
	format, codec, timeBase, layout string
	mime                            string // as the JSON tells it
	bitRate, channels               int
	track                           any // of the tags: a number or nil
	tags                            object
	created                         time.Time
}

// samples is what it finds in the sample files. WAV is not in its table of
// types, so in JSON it calls them audio/mpeg; served they are audio/wav.
// abs: server/objects/files/AudioFile.js, get mimeType
var samples = audio{
	format: "WAV / WAVE (Waveform Audio)", codec: "pcm_s16le", timeBase: fmt.Sprintf("1/%d", sampleRate), layout: "stereo",
	mime: playMIME, bitRate: bytesPerSec * 8, channels: 2, tags: object{}, created: libraryTime,
}

// Reader reads the whole file from its beginning.
func (f *File) Reader() io.Reader { return io.NewSectionReader(f, 0, f.Size) }

// Duration is the playing time of all tracks, in seconds.
func (i *Item) Duration() float64 {
	var d float64
	for _, f := range i.Files {
		d += f.Duration
	}
	return d
}

// Size is the size of all tracks, in bytes.
func (i *Item) Size() int64 {
	var n int64
	for _, f := range i.Files {
		n += f.Size
	}
	return n
}

// Tracks is the book of three tracks of a few minutes each, with chapters and a
// cover.
func (l *Library) Tracks() *Item { return l.Items[0] }

// Large is the book in a single large file; of a library made of Config.Books it
// is the last one.
func (l *Library) Large() *Item { return l.Items[min(1, len(l.Items)-1)] }

// Item finds an item by its id, nil where there is none.
func (l *Library) Item(id string) *Item {
	for _, i := range l.Items {
		if i.ID == id {
			return i
		}
	}
	return nil
}

// File finds a file of the item by its ino, nil where there is none.
func (i *Item) File(ino string) *File {
	for _, f := range i.Files {
		if f.Ino == ino {
			return f
		}
	}
	return nil
}

// seconds is the size of a file that plays so long.
func seconds(n int64) int64 { return wavHeader + n*bytesPerSec }

func newLibrary(cfg Config) *Library {
	l := &Library{ID: namedUUID("library"), FolderID: namedUUID("folder"), Name: "Books", path: MediaPath}
	if cfg.NoLibrary {
		return l
	}
	if len(cfg.Books) > 0 {
		for _, b := range cfg.Books {
			item := b.item(len(l.Items))
			item.library = l
			l.Items = append(l.Items, item)
		}
		return l
	}
	large := cfg.Large
	l.add("The Lighthouse at Low Tide", "Mara Quill", true, seconds(200), seconds(220), seconds(180))
	l.add("One Long Night", "Edwin Farrow", true, large)
	for n, title := range []string{
		"A Field Guide to Fog", "Letters to a Clockmaker", "The Ferryman's Daughter", "Small Hours",
		"Notes from the Salt Road", "The Orchard Wall", "Seven Kinds of Rain", "A Room Above the Mill",
	} {
		l.add(title, []string{"Mara Quill", "Ines Halloran", "Tobias Venn"}[n%3], n%2 == 0, seconds(int64(20+5*n)))
	}
	return l
}

// chapterLength is about how long chapters are, in seconds.
const chapterLength = 100.0

func (l *Library) add(title, author string, cover bool, sizes ...int64) {
	n := len(l.Items)
	item := &Item{
		ID: namedUUID("item " + title), MediaID: namedUUID("book " + title), AuthorID: namedUUID("author " + author),
		Ino: fmt.Sprint(7_340_000 + n*100), Title: title, Author: author, Modified: libraryTime, library: l, seed: uint16(n),
	}
	offset := 0.0
	for t, size := range sizes {
		name := fmt.Sprintf("%02d.wav", t+1)
		f := sampleFile(7_340_001+n*100+t, item.path()+"/"+name, uint16(n*8+t), size)
		f.Offset = offset
		item.Files = append(item.Files, f)
		parts := max(1, int(f.Duration/chapterLength))
		for c := range parts {
			item.Chapters = append(item.Chapters, Chapter{
				Title: fmt.Sprintf("Chapter %d", len(item.Chapters)+1),
				Start: offset + f.Duration*float64(c)/float64(parts),
				End:   offset + f.Duration*float64(c+1)/float64(parts),
			})
		}
		offset += f.Duration
	}
	if cover {
		item.Cover = sampleCover(7_340_099+n*100, item)
	}
	l.Items = append(l.Items, item)
}

func sampleFile(ino int, path string, tone uint16, size int64) *File {
	return &File{
		Ino: fmt.Sprint(ino), Name: path[strings.LastIndex(path, "/")+1:], Path: path,
		Size: size, Duration: float64((size-wavHeader)/frameBytes) / sampleRate,
		MIME: "audio/wav", Modified: libraryTime, audio: samples,
		ReaderAt: newTone(tone, size),
	}
}

func sampleCover(ino int, i *Item) *File {
	picture := coverOf(i.seed)
	return &File{
		Ino: fmt.Sprint(ino), Name: "cover.jpg", Path: MetadataPath + "/items/" + i.ID + "/cover.jpg",
		Size: int64(len(picture)), MIME: "image/jpeg", Modified: libraryTime, ReaderAt: bytes.NewReader(picture),
	}
}
