package library

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"shelfkeeper/daemon/order"
	"shelfkeeper/daemon/problem"
)

const (
	// maxItems is how many items a search returns; who has more needs another word.
	maxItems = 25
	// maxLibraries bounds the libraries that are searched.
	maxLibraries = 32
	// maxWords bounds the words that are looked for one by one.
	maxWords = 6
	// atOnce is how many questions the server gets at the same time.
	atOnce = 4
	// placesWait bounds the questions for the user's places, which a list can do without.
	placesWait = 5 * time.Second
)

// Found is the result of a search.
type Found struct {
	Items []Item `json:"items"`
	More  bool   `json:"more,omitempty"` // there are others
}

// One returns the item that the words mean: the only one, or the only one of that very
// title. It reports false where several may be meant.
func (f Found) One(words string) (Item, bool) {
	if len(f.Items) == 1 {
		return f.Items[0], true
	}
	var exact []Item
	for _, i := range f.Items {
		if plain(i.Title) == plain(words) {
			exact = append(exact, i)
		}
	}
	if len(exact) == 1 {
		return exact[0], true
	}
	return Item{}, false
}

// Search finds items whose title, author, narrator or series has the words in it, and
// episodes by their title. The id of an item finds that item. An empty result is no
// error.
func (l *Library) Search(ctx context.Context, words string) (Found, error) {
	if item, episode, ok := ParseName(words); ok {
		d, err := l.Item(ctx, item, episode)
		if err != nil {
			return Found{}, err
		}
		return Found{Items: []Item{d.Item}}, nil
	}
	words = strings.Join(strings.Fields(words), " ")
	if words == "" {
		return Found{}, problem.Newf(problem.Usage, "give a part of its title", "nothing to search for")
	}
	libraries, err := l.libraries(ctx)
	if err != nil {
		return Found{}, err
	}
	hits, err := l.everywhere(ctx, libraries, words)
	if err != nil {
		return Found{}, err
	}
	if each := strings.Fields(words); len(hits) == 0 && len(each) > 1 {
		// The server looks for the words as one text: "quill lighthouse" has an author
		// and a title in it.
		if hits, err = l.everywhere(ctx, libraries, longestWords(each)...); err != nil {
			return Found{}, err
		}
		hits = slices.DeleteFunc(hits, func(h hit) bool {
			return slices.ContainsFunc(each, func(word string) bool { return !strings.Contains(h.text, plain(word)) })
		})
	}
	return l.list(ctx, hits, words), nil
}

// longestWords are the words that are looked for: the longest say most.
func longestWords(each []string) []string {
	each = slices.Clone(each)
	slices.SortStableFunc(each, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return each[:min(len(each), maxWords)]
}

// hit is an item that was found, with everything about it that words are looked for in.
type hit struct {
	Item
	text string
}

func (w *wireItem) hit(i Item) hit {
	return hit{i, plain(i.Title + " " + i.Author + " " + i.Series + " " + w.Media.Metadata.NarratorName)}
}

// list puts the hits into order, each once, with the user's places.
func (l *Library) list(ctx context.Context, hits []hit, words string) Found {
	rank := func(i Item) int {
		switch title := plain(i.Title); {
		case title == plain(words):
			return 0
		case strings.HasPrefix(title, plain(words)):
			return 1
		case strings.Contains(title, plain(words)):
			return 2
		}
		return 3
	}
	seen := make(map[string]bool)
	f := Found{Items: []Item{}}
	for _, h := range hits {
		if !seen[h.Name()] {
			seen[h.Name()] = true
			f.Items = append(f.Items, h.Item)
		}
	}
	order.Stable(f.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Series, b.Series), strings.Compare(a.Title, b.Title),
			strings.Compare(a.Name(), b.Name()))
	})
	if f.More = len(f.Items) > maxItems; f.More {
		f.Items = f.Items[:maxItems]
	}
	l.fillPlaces(ctx, f.Items)
	return f
}

// fillPlaces asks where the user is. What the server does not say stays unknown.
func (l *Library) fillPlaces(ctx context.Context, items []Item) {
	ctx, cancel := context.WithTimeout(ctx, placesWait)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n := range items {
		i := &items[n]
		if i.Kind == Podcast || i.Place != nil {
			continue
		}
		g.Go(func() error {
			var p wirePlace
			if found, err := l.get(ctx, "/api/me/progress/"+i.Name(), nil, maxSmall, &p); err == nil && found {
				i.Place = p.place()
			}
			return nil // a list without a place is a list
		})
	}
	_ = g.Wait()
}

type wireLibrary struct{ ID, MediaType string }

func (l *Library) libraries(ctx context.Context) ([]wireLibrary, error) {
	var w struct{ Libraries []wireLibrary }
	if _, err := l.get(ctx, "/api/libraries", nil, maxSmall, &w); err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(w.Libraries, func(one wireLibrary) bool { return !IsID(one.ID) })
	return list[:min(len(list), maxLibraries)], nil
}

// everywhere looks for each of the texts in each library.
func (l *Library) everywhere(ctx context.Context, libraries []wireLibrary, texts ...string) ([]hit, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	results := make([][]hit, len(libraries)*len(texts))
	for a, library := range libraries {
		for b, text := range texts {
			g.Go(func() (err error) {
				results[a*len(texts)+b], err = l.searchOne(ctx, library, text)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

// searchOne looks for a text in one library. The items of an author, a narrator or a
// series are asked for in a second step.
func (l *Library) searchOne(ctx context.Context, library wireLibrary, text string) ([]hit, error) {
	type found struct{ LibraryItem wireItem }
	var w struct {
		Book, Podcast, Episodes []found
		Authors                 []struct{ ID string }
		Narrators               []struct{ Name string }
		Series                  []struct{ Series struct{ ID string } }
	}
	query := url.Values{"q": {text}, "limit": {strconv.Itoa(maxItems)}}
	if _, err := l.get(ctx, "/api/libraries/"+library.ID+"/search", query, maxFound, &w); err != nil {
		return nil, err
	}
	var hits []hit
	for _, list := range [][]found{w.Book, w.Podcast} {
		for i := range list {
			if item := &list[i].LibraryItem; IsID(item.ID) {
				hits = append(hits, item.hit(item.item()))
			}
		}
	}
	for i := range w.Episodes {
		item := &w.Episodes[i].LibraryItem
		if e, ok := item.recent(); ok && IsID(item.ID) {
			hits = append(hits, item.hit(e))
		}
	}
	var filters []string
	for _, a := range w.Authors {
		filters = append(filters, "authors."+coded(a.ID))
	}
	for _, s := range w.Series {
		filters = append(filters, "series."+coded(s.Series.ID))
	}
	for _, n := range w.Narrators {
		filters = append(filters, "narrators."+coded(n.Name))
	}
	for _, filter := range filters[:min(len(filters), maxFilters)] {
		more, err := l.filtered(ctx, library, filter)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	return hits, nil
}

// maxFilters bounds the authors, narrators and series whose books are asked for.
const maxFilters = 8

// coded is a value of a filter as the web client writes it (abs:
// client/plugins/init.client.js, $encode).
func coded(value string) string {
	return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(value)))
}

func (l *Library) filtered(ctx context.Context, library wireLibrary, filter string) ([]hit, error) {
	var w struct{ Results []wireItem }
	query := url.Values{"filter": {filter}, "limit": {strconv.Itoa(maxItems + 1)}, "minified": {"1"}, "sort": {"media.metadata.title"}}
	if _, err := l.get(ctx, "/api/libraries/"+library.ID+"/items", query, maxItem, &w); err != nil {
		return nil, err
	}
	var hits []hit
	for i := range w.Results {
		if item := &w.Results[i]; IsID(item.ID) {
			hits = append(hits, item.hit(item.item()))
		}
	}
	return hits, nil
}

// Podcasts returns all podcasts, without their episodes.
func (l *Library) Podcasts(ctx context.Context) ([]Detail, error) {
	libraries, err := l.libraries(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []Detail
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, library := range libraries {
		if library.MediaType != "podcast" {
			continue
		}
		g.Go(func() error {
			var w struct{ Results []wireItem }
			query := url.Values{"limit": {strconv.Itoa(maxPodcasts)}, "minified": {"1"}}
			if _, err := l.get(ctx, "/api/libraries/"+library.ID+"/items", query, maxItem, &w); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range w.Results {
				if IsID(w.Results[i].ID) {
					all = append(all, w.Results[i].detail())
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	order.Stable(all, func(a, b Detail) int { return cmp.Or(strings.Compare(a.Title, b.Title), strings.Compare(a.ID, b.ID)) })
	return all, nil
}

// maxPodcasts bounds the podcasts of a library that are listed.
const maxPodcasts = 2000

// plain is a text as it is compared: small letters, no punctuation, single spaces.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return ' '
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// maxEpisodes is how many episodes of a podcast are listed, the newest first.
const maxEpisodes = 50

// Episodes returns the newest episodes of a podcast with the user's places.
func (l *Library) Episodes(ctx context.Context, podcast string) (Found, error) {
	d, err := l.Item(ctx, podcast, "")
	if err != nil {
		return Found{}, err
	}
	f := Found{Items: []Item{}, More: len(d.Episodes) > maxEpisodes}
	for _, e := range d.Episodes[:min(len(d.Episodes), maxEpisodes)] {
		f.Items = append(f.Items, e.Item)
	}
	l.fillPlaces(ctx, f.Items)
	return f, nil
}
