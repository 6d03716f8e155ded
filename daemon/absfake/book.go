package absfake

import (
	"io"
	"strings"
	"time"
)

// Book is a book of Config.Books, as the server's scanner found it. Its files
// hold bytes of no meaning; only their number and kind are true.
type Book struct {
	Title, Author string
	Ino           string
	Files         []BookFile // its tracks in order
}

// BookFile is a file of a Book.
type BookFile struct {
	Name, Ino         string
	Size              int64
	Duration          float64 // seconds
	MIME              string  // served, and as the JSON tells it
	Modified, Created time.Time

	Format, Codec, TimeBase, ChannelLayout string
	BitRate, Channels                      int

	Track   int         // of the tags; 0: none
	Tags    [][2]string // key and value, in order
	Chapter string      // title of the chapter that the file is
}

func (b Book) item(n int) *Item {
	item := &Item{
		ID: newUUID(), MediaID: newUUID(), AuthorID: newUUID(), Ino: b.Ino, Title: b.Title, Author: b.Author,
		Modified: time.Now(), seed: uint16(n),
	}
	offset := 0.0
	for _, f := range b.Files {
		file := &File{
			Ino: f.Ino, Name: f.Name, Path: strings.Join([]string{MediaPath, b.Author, b.Title, f.Name}, "/"),
			Size: f.Size, Duration: f.Duration, Offset: offset, MIME: f.MIME, Modified: f.Modified,
			ReaderAt: zeros(f.Size),
			audio: audio{
				format: f.Format, codec: f.Codec, timeBase: f.TimeBase, layout: f.ChannelLayout, mime: f.MIME,
				bitRate: f.BitRate, channels: f.Channels, tags: object{}, created: f.Created,
			},
		}
		if f.Track != 0 {
			file.audio.track = f.Track
		}
		for _, tag := range f.Tags {
			file.audio.tags = append(file.audio.tags, pair{tag[0], tag[1]})
		}
		item.Files = append(item.Files, file)
		item.Chapters = append(item.Chapters, Chapter{Title: f.Chapter, Start: offset, End: offset + f.Duration})
		offset += f.Duration
	}
	return item
}

// zeros is a file of so many zero bytes.
type zeros int64

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), int64(z)-off)
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}
