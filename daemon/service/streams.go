package service

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/proxy/transfers"
)

// streams are what is sent to players now.
func (s *Service) streams() (list []health.Stream) {
	for _, t := range s.proxy.Transfers() {
		list = append(list, health.Stream{Program: t.Program, Kind: string(t.Media.Kind), ID: t.Media.ID, File: t.Media.Part,
			Since: health.At(t.Began), Bytes: t.Bytes, Rate: t.Rate, Now: t.Now})
	}
	return list
}

// titleLimit bounds what the server tells of an item. A book of a thousand files
// takes about a megabyte.
const titleLimit = 8 << 20

// Title asks the server what a stream is called. It returns "" where the server
// does not say.
func (s *Service) Title(ctx context.Context, stream health.Stream) (string, error) {
	if url.PathEscape(stream.ID) != stream.ID {
		return "", nil // no id that the server gives
	}
	path := "/api/items/"
	switch transfers.Kind(stream.Kind) {
	case transfers.Item:
	case transfers.Session:
		path = "/api/session/"
	default:
		return "", nil // a feed is not known by its name
	}
	raw, err := s.proxy.Detail(ctx, path+stream.ID, titleLimit)
	if err != nil {
		return "", fmt.Errorf("ask for a title: %w", err)
	}
	return titleIn(raw, stream.File)
}

// titleIn reads a title from what the server tells of an item or of a session of
// listening (abs: LibraryItem.toOldJSON, PlaybackSession.toJSON). An episode of a
// podcast is known by its file.
func titleIn(raw []byte, file string) (string, error) {
	type episode struct {
		Title     string
		AudioFile struct{ Ino string }
	}
	var in struct {
		DisplayTitle, DisplayAuthor string
		Media                       struct {
			Metadata struct {
				Title, AuthorName, Author string
				Authors                   []struct{ Name string }
			}
			Episodes []episode
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return "", fmt.Errorf("read a title: %w", err)
	}
	title, by := in.DisplayTitle, in.DisplayAuthor
	if title == "" {
		about := in.Media.Metadata
		title, by = about.Title, cmp.Or(about.AuthorName, about.Author)
		if by == "" && len(about.Authors) > 0 {
			by = about.Authors[0].Name
		}
	}
	for _, e := range in.Media.Episodes {
		if file != "" && e.AudioFile.Ino == file {
			title, by = e.Title, in.Media.Metadata.Title
		}
	}
	if by == "" || title == "" {
		return title, nil
	}
	return title + ", " + by, nil
}
