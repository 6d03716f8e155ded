// Package library reads a server's libraries. It finds items by words, and
// tells what an item consists of, in the few facts that a person or a player
// needs.
//
// It exists so that nobody has to know an id. It asks through the function that it is
// given, keeps nothing, and never changes anything on the server.
package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"shelfkeeper/daemon/problem"
)

// Ask asks the server for a route of its API, as the account's user would. limit bounds
// the answer in bytes.
type Ask func(ctx context.Context, path, query string, limit int64) (status int, body []byte, err error)

// Library is what one account can hear.
type Library struct{ ask Ask }

// New returns the Library of the server that ask asks.
func New(ask Ask) *Library { return &Library{ask} }

// Kind is what an Item is.
type Kind string

// The kinds.
const (
	Book    Kind = "book"
	Podcast Kind = "podcast"
	Episode Kind = "episode" // of a podcast
)

// Item is a book, a podcast or an episode, as a list shows it.
type Item struct {
	ID       string  `json:"id"`
	Episode  string  `json:"episode,omitempty"` // its id
	Kind     Kind    `json:"kind"`
	Title    string  `json:"title"`
	Author   string  `json:"author,omitempty"` // of an episode, its podcast
	Series   string  `json:"series,omitempty"`
	Duration float64 `json:"duration"` // seconds; of a podcast 0
	Place    *Place  `json:"place,omitempty"`
}

// Name is how a command names the item: its id, and for an episode both.
func (i Item) Name() string {
	if i.Episode != "" {
		return i.ID + "/" + i.Episode
	}
	return i.ID
}

// Place is where the user is in an item.
type Place struct {
	Seconds  float64 `json:"seconds"`
	Finished bool    `json:"finished,omitempty"`
}

// Detail is an Item with what it consists of.
type Detail struct {
	Item
	Language string
	About    string    // of a podcast
	Tracks   []Track   // of a book or an episode, in order
	Chapters []Chapter // of the whole
	Episodes []Part    // of a podcast, the newest first
	Feed     string    // where the podcast's publisher has it; ""
}

// Track is an audio file.
type Track struct {
	Path     string // at the server, without its base path
	Title    string
	MIME     string
	Offset   float64 // where it begins within the whole, in seconds
	Duration float64 // seconds
	Size     int64   // bytes
}

// Chapter is a named span, in seconds from the beginning of the whole.
type Chapter struct {
	Title      string
	Start, End float64
}

// Part is an episode of a podcast.
type Part struct {
	Item
	Track     Track
	Chapters  []Chapter
	Published int64 // ms since 1970; 0: not known
	About     string
}

const (
	// maxItem bounds what the server tells of one item. A book of a thousand files
	// takes about 4 MB, a podcast of a thousand episodes some 8.
	maxItem = 32 << 20
	// maxFound bounds its answer to a search of one library: a dozen whole items.
	maxFound = 48 << 20
	// maxSmall bounds answers of a few lines.
	maxSmall = 1 << 20
	// maxText bounds a title, and maxAbout a description, in bytes.
	maxText, maxAbout = 500, 4000
)

// id is what the server's ids look like, the old ones too ("li_8gch9ve09orgn4fdz8").
var id = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// idOfItem are the ids that nobody takes for words.
var idOfItem = regexp.MustCompile(`^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|li_[0-9a-z]{6,40})$`)

// uuid are the ids of servers since 2.3.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// Silent reports whether there is nothing to hear in the item, as in an ebook without
// audio.
func (i Item) Silent() bool { return i.Kind == Book && i.Duration == 0 }

// ParseName reads what Item.Name gives, and the address of an item's page, playlist or
// file. It reports false for words.
func ParseName(text string) (item, episode string, ok bool) {
	text = strings.TrimSpace(text)
	if u, err := url.Parse(text); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		text = nameIn(u.Path)
	}
	item, episode, _ = strings.Cut(text, "/")
	if uuid.MatchString(item) {
		item = strings.ToLower(item) // as the server writes it
	}
	return item, episode, idOfItem.MatchString(item) && (episode == "" || id.MatchString(episode))
}

// nameIn is the name of the item in a path: of the web client ("/item/ID", below any base
// path), of the API, or of a list of ours. "" for none.
func nameIn(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for n, part := range parts[:len(parts)-1] {
		next, _, _ := strings.Cut(parts[n+1], ".") // a list's format
		switch part {
		case "item", "items", "podcast":
			return next
		case "playlist":
			if n+2 < len(parts) {
				episode, _, _ := strings.Cut(parts[n+2], ".")
				return next + "/" + episode
			}
			return next
		}
	}
	return ""
}

// IsID reports whether text may be an id of the server's.
func IsID(text string) bool { return id.MatchString(text) }

// missing is the cause of a problem with an item that is not there.
type missing struct{ name string }

func (m missing) Error() string {
	return fmt.Sprintf("the server has no item %s for this user", m.name)
}

// IsMissing reports whether err says that the server has no such item for this user.
func IsMissing(err error) bool {
	var m missing
	return errors.As(err, &m)
}

func nothing(name string) error {
	return problem.New(problem.Other, missing{name}, "find it by words of its title: `shelfkeeper search WORDS`")
}

// Item returns a book, a podcast, or with an episode's id that episode.
func (l *Library) Item(ctx context.Context, item, episode string) (Detail, error) {
	if !IsID(item) || episode != "" && !IsID(episode) {
		return Detail{}, nothing(item)
	}
	var w wireItem
	query := url.Values{"expanded": {"1"}, "include": {"progress,rssfeed"}}
	if episode != "" {
		query.Set("episode", episode)
	}
	found, err := l.get(ctx, "/api/items/"+item, query, maxItem, &w)
	switch {
	case err != nil:
		return Detail{}, err
	case !found || w.ID != item:
		return Detail{}, nothing(item)
	}
	d := w.detail()
	if episode == "" {
		return d, nil
	}
	for _, e := range d.Episodes {
		if e.Episode == episode {
			one := Detail{Item: e.Item, Language: d.Language, Tracks: []Track{e.Track}, Chapters: e.Chapters}
			one.Place = d.Place
			return one, nil
		}
	}
	return Detail{}, nothing(item + "/" + episode)
}

// get asks for a route and reads its JSON into out. It reports false where the server
// says that it is not there, or not for this user.
func (l *Library) get(ctx context.Context, path string, query url.Values, limit int64, out any) (bool, error) {
	status, body, err := l.ask(ctx, path, query.Encode(), limit)
	switch {
	case err != nil:
		return false, problem.New(problem.Unreachable, fmt.Errorf("ask the server for %s: %w", routeOf(path), err),
			"see what is wrong: `shelfkeeper status`")
	case status == http.StatusNotFound, status == http.StatusForbidden:
		return false, nil
	case status != http.StatusOK:
		return false, problem.Newf(problem.Rejected, "see what is wrong: `shelfkeeper doctor`", "the server answers %d for %s", status,
			routeOf(path))
	}
	if err := json.Unmarshal(body, out); err != nil {
		return false, problem.Newf(problem.Other, "", "what the server says of %s is not understood: %w", routeOf(path), err)
	}
	return true, nil
}

// routeOf names a route without the ids in it.
func routeOf(path string) string {
	parts := strings.Split(path, "/") // "", api, items, ID, …
	if len(parts) > 3 {
		parts[3] = "…"
	}
	return strings.Join(parts, "/")
}
