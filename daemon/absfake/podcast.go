package absfake

import (
	"fmt"
	"time"
)

// PodcastPath is the folder of podcasts on the server.
const PodcastPath = "/podcasts"

// Episode is an episode of a podcast, in a file of its own.
type Episode struct {
	ID          string
	Title       string
	Description string
	File        *File
	Published   time.Time

	season, number int
}

// Episode finds an episode of a podcast by its id, nil where there is none.
func (i *Item) Episode(id string) *Episode {
	for _, e := range i.Episodes {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// betweenEpisodes is how often the sample podcast comes out.
const betweenEpisodes = 7 * 24 * time.Hour

// newPodcasts makes the library of podcasts, nil where the server has none.
func newPodcasts(cfg Config) *Library {
	if !cfg.Podcasts || cfg.NoLibrary {
		return nil
	}
	l := &Library{ID: namedUUID("podcasts"), FolderID: namedUUID("podcast folder"), Name: "Podcasts", path: PodcastPath, podcast: true}
	const title = "The Harbour Hour"
	item := &Item{
		ID: namedUUID("item " + title), MediaID: namedUUID("podcast " + title), Ino: "7990000", Title: title, Author: "Nell Ashby",
		Description: "<p>Talk from the quay, once a week.</p>", Modified: libraryTime, library: l, seed: 41,
	}
	for n, name := range []string{"Ropes and Knots", "The Last Ferry", "Counting Gulls"} {
		f := sampleFile(7_990_001+n, fmt.Sprintf("%s/%d - %s.wav", item.path(), n+1, name), uint16(2000+n), seconds(int64(90+30*n)))
		item.Files = append(item.Files, f)
		item.Episodes = append(item.Episodes, &Episode{
			ID: namedUUID("episode " + name), Title: name, Description: "<p>" + name + ", at the harbour.</p>", File: f,
			Published: libraryTime.Add(time.Duration(n-3) * betweenEpisodes), season: 1, number: n + 1,
		})
	}
	item.Cover = sampleCover(7_990_099, item)
	l.Items = []*Item{item}
	return l
}

func (l *Library) mediaType() string {
	if l.podcast {
		return "podcast"
	}
	return "book"
}

// relPath is where the item lies within the library's folder.
func (i *Item) relPath() string {
	if i.library.podcast {
		return i.Title
	}
	return i.Author + "/" + i.Title
}

func (i *Item) path() string { return i.library.path + "/" + i.relPath() }

func (s *Server) libraryByID(id string) *Library {
	for _, l := range []*Library{s.library, s.casts} {
		if l != nil && l.ID == id {
			return l
		}
	}
	return nil
}

// item finds a book or a podcast by its id, nil where there is none.
func (s *Server) item(id string) *Item {
	if i := s.library.Item(id); i != nil || s.casts == nil {
		return i
	}
	return s.casts.Item(id)
}

// episode finds an episode and its podcast by the episode's id.
func (s *Server) episode(id string) media {
	if s.casts == nil {
		return media{}
	}
	for _, i := range s.casts.Items {
		if e := i.Episode(id); e != nil {
			return media{i, e}
		}
	}
	return media{}
}

// orNil is a text as a column without one gives it.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}
