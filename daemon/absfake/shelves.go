package absfake

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What clients ask to fill their first page. No sample has a series, a narrator, a
// genre, a tag, a collection or a playlist, so these lists are empty, as the real
// server answers for such a library (recorded from 2.26.3 and 2.36.0).
// abs: server/controllers/LibraryController.js, MeController.js, SearchController.js

// ofLibrary answers with what say says of the library in the path.
func ofLibrary(say func(s *Server, q *request, l *Library) any) handler {
	return func(s *Server, w http.ResponseWriter, q *request) {
		l := s.libraryByID(q.params["id"])
		if l == nil {
			sendStatus(w, q.Request, http.StatusNotFound)
			return
		}
		sendJSON(w, q.Request, http.StatusOK, say(s, q, l))
	}
}

// always answers with the same.
func always(v any) handler {
	return func(_ *Server, w http.ResponseWriter, q *request) { sendJSON(w, q.Request, http.StatusOK, v) }
}

// forAdmins answers administrators with the same.
func forAdmins(v any) handler {
	return func(_ *Server, w http.ResponseWriter, q *request) {
		if admin(w, q) {
			sendJSON(w, q.Request, http.StatusOK, v)
		}
	}
}

func none() []object { return []object{} }

// authorsOf returns the authors of a library by the order of their first books, and how
// many books each has.
func authorsOf(l *Library) (first []*Item, books map[string]int) {
	books = map[string]int{}
	for _, i := range l.Items {
		if books[i.AuthorID]++; books[i.AuthorID] == 1 {
			first = append(first, i)
		}
	}
	return first, books
}

func (s *Server) personalized(q *request, l *Library) any {
	limit := queryInt(q, "limit", 10)
	if limit <= 0 {
		limit = 10
	}
	shelves := none()
	shelf := func(id, label, key, kind string, entities []object) {
		if len(entities) > 0 {
			shelves = append(shelves, object{{"id", id}, {"label", label}, {"labelStringKey", key}, {"type", kind},
				{"entities", entities[:min(limit, len(entities))]}, {"total", len(entities)}})
		}
	}
	begun, fresh, all := none(), none(), none()
	s.mu.Lock()
	started := map[string]bool{}
	for _, p := range q.user.progress {
		started[p.itemID] = started[p.itemID] || !p.finished && p.currentTime != nil && *p.currentTime > 0
	}
	s.mu.Unlock()
	for _, i := range l.Items {
		o := s.itemMinified(i)
		all = append(all, o)
		if started[i.ID] {
			begun = append(begun, o)
		} else {
			fresh = append(fresh, o)
		}
	}
	shelf("continue-listening", "Continue Listening", "LabelContinueListening", l.mediaType(), begun)
	shelf("recently-added", "Recently Added", "LabelRecentlyAdded", l.mediaType(), all)
	if !l.podcast {
		shelf("discover", "Discover", "LabelDiscover", l.mediaType(), fresh)
		authors := none()
		first, books := authorsOf(l)
		for _, i := range first {
			authors = append(authors, i.authorFound(books[i.AuthorID]))
		}
		shelf("newest-authors", "Newest Authors", "LabelNewestAuthors", "authors", authors)
	}
	return shelves
}

func (s *Server) libraryStats(_ *request, l *Library) any {
	largest, longest, authors := none(), none(), none()
	var size int64
	duration, tracks := 0.0, 0
	for _, i := range l.Items {
		size, duration, tracks = size+i.Size(), duration+i.Duration(), tracks+len(i.Files)
		largest = append(largest, object{{"id", i.ID}, {"title", i.Title}, {"size", i.Size()}})
		longest = append(longest, object{{"id", i.ID}, {"title", i.Title}, {"duration", i.Duration()}})
	}
	first, books := authorsOf(l)
	for _, i := range first {
		authors = append(authors, object{{"id", i.AuthorID}, {"name", i.Author}, {"count", books[i.AuthorID]}})
	}
	return object{
		{"largestItems", largest[:min(10, len(largest))]}, {"totalAuthors", len(authors)}, {"authorsWithCount", authors[:min(10, len(authors))]},
		{"totalGenres", 0}, {"genresWithCount", none()}, {"totalItems", len(l.Items)}, {"longestItems", longest[:min(10, len(longest))]},
		{"totalSize", size}, {"totalDuration", duration}, {"numAudioTracks", tracks},
	}
}

// emptyPage is a page of a list that has nothing. tail are its last keys.
func emptyPage(tail ...pair) func(*Server, *request, *Library) any {
	return func(_ *Server, q *request, _ *Library) any {
		return append(object{{"results", none()}, {"total", 0}, {"limit", max(0, queryInt(q, "limit", 0))},
			{"page", max(0, queryInt(q, "page", 0))}}, tail...)
	}
}

var sortable = []pair{{"sortDesc", false}, {"minified", false}, {"include", ""}}

func (s *Server) libraryAuthors(q *request, l *Library) any {
	list := none()
	first, books := authorsOf(l)
	for _, i := range first {
		list = append(list, append(i.authorFound(books[i.AuthorID]), pair{"lastFirst", lastFirst(i.Author)}))
	}
	limit, page := max(0, queryInt(q, "limit", 0)), max(0, queryInt(q, "page", 0))
	if limit == 0 {
		return object{{"authors", list}}
	}
	total := len(list)
	if list = cut(list, page, limit); list == nil {
		list = none()
	}
	return object{{"results", list}, {"total", total}, {"limit", limit}, {"page", page}, {"sortDesc", false}, {"minified", false}}
}

// lastFirst is a name as it is sortable.
func lastFirst(name string) string {
	words := strings.Fields(name)
	if len(words) < 2 {
		return name
	}
	return words[len(words)-1] + ", " + strings.Join(words[:len(words)-1], " ")
}

func (s *Server) filterData(_ *request, l *Library) any {
	authors := none()
	first, _ := authorsOf(l)
	for _, i := range first {
		authors = append(authors, object{{"id", i.AuthorID}, {"name", i.Author}})
	}
	books, podcasts := len(l.Items), 0
	if l.podcast {
		books, podcasts = 0, books
	}
	return object{
		{"authors", authors}, {"genres", none()}, {"tags", none()}, {"series", none()}, {"narrators", none()}, {"languages", none()},
		{"publishers", none()}, {"publishedDecades", none()}, {"bookCount", books}, {"authorCount", len(authors)}, {"seriesCount", 0},
		{"podcastCount", podcasts}, {"numIssues", 0}, {"loadedAt", millis(libraryTime)},
	}
}

// libraryWithFilters is a library with what clients build their filters from.
func (s *Server) libraryWithFilters(q *request, l *Library) any {
	o := object{{"filterdata", s.filterData(q, l)}, {"issues", 0}, {"numUserPlaylists", 0}}
	if !s.facts.searchProviders {
		o = append(o, pair{"customMetadataProviders", none()})
	}
	return append(o, pair{"library", s.libraryJSON(l)})
}

// getAuthor is an author, with the books where the query asks for them.
func (s *Server) getAuthor(w http.ResponseWriter, q *request) {
	var found *Item
	items := none()
	for _, l := range []*Library{s.library, s.casts} {
		if l == nil || l.podcast {
			continue
		}
		for _, i := range l.Items {
			if i.AuthorID == q.params["id"] {
				found = i
				items = append(items, s.itemMinified(i))
			}
		}
	}
	if found == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	o := found.authorFound(0)
	o = o[:len(o)-1] // numBooks
	if strings.Contains(q.URL.Query().Get("include"), "items") {
		o = append(o, pair{"libraryItems", items})
	}
	sendJSON(w, q.Request, http.StatusOK, o)
}

// getListeningStats sums what the user listened to.
func (s *Server) getListeningStats(w http.ResponseWriter, q *request) {
	var order []string
	sums := map[string]float64{}
	days, weekdays := map[string]float64{}, map[string]float64{}
	total, recent := 0.0, none()
	s.mu.Lock()
	for _, p := range slices.Backward(s.listened) {
		if p.userID != q.user.id {
			continue
		}
		if len(recent) < 10 {
			recent = append(recent, s.playbackJSON(p, false))
		}
		if _, there := sums[p.media.item.ID]; !there {
			order = append(order, p.media.item.ID)
		}
		day := p.day
		total += p.listened
		sums[p.media.item.ID] += p.listened
		days[day.Format(time.DateOnly)] += p.listened
		weekdays[day.Weekday().String()] += p.listened
	}
	s.mu.Unlock()
	items := object{}
	for _, id := range order {
		if i := s.item(id); i != nil {
			items = append(items, pair{id, object{{"id", id}, {"timeListening", sums[id]}, {"mediaMetadata", i.metadata()}}})
		}
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"totalTime", total}, {"items", items}, {"days", sortedObject(days)}, {"dayOfWeek", sortedObject(weekdays)},
		{"today", days[time.Now().Format(time.DateOnly)]}, {"recentSessions", recent},
	})
}

func sortedObject(m map[string]float64) object {
	o := object{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		o = append(o, pair{k, m[k]})
	}
	return o
}

// getYearStats sums a year of the user. abs: server/utils/queries/userStats.js
func (s *Server) getYearStats(w http.ResponseWriter, q *request) {
	year := 0
	for _, c := range q.params["year"] {
		if c < '0' || c > '9' || year > 9999 {
			sendText(w, q.Request, http.StatusBadRequest, "Invalid year")
			return
		}
		year = 10*year + int(c-'0')
	}
	if year < 2000 || year > 9999 {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid year")
		return
	}
	count, total := 0, 0.0
	books, authors, months := map[string]bool{}, map[string]float64{}, map[int]float64{}
	s.mu.Lock()
	for _, p := range s.listened {
		if p.userID != q.user.id || p.day.UTC().Year() != year {
			continue
		}
		count++
		total += p.listened
		books[p.media.item.ID] = true
		authors[p.media.item.Author] += p.listened
		months[int(p.day.UTC().Month())-1] += p.listened
	}
	s.mu.Unlock()
	top := none()
	for _, name := range slices.Sorted(maps.Keys(authors)) {
		top = append(top, object{{"name", name}, {"time", authors[name]}})
	}
	var most any
	for m := range 12 {
		if t := months[m]; t > 0 && (most == nil || t > most.(object)[1].value.(float64)) {
			most = object{{"month", m}, {"time", t}}
		}
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"totalListeningSessions", count}, {"totalListeningTime", total}, {"totalBookListeningTime", total}, {"totalPodcastListeningTime", 0},
		{"topAuthors", top}, {"topGenres", none()}, {"mostListenedNarrator", nil}, {"mostListenedMonth", most},
		{"numBooksFinished", 0}, {"numBooksListened", len(books)}, {"longestAudiobookFinished", nil}, {"booksWithCovers", none()},
		{"finishedBooksWithCovers", none()},
	})
}

// getSearchOutside is a search at the providers of metadata, of which the double knows
// none. Without what is searched for the real server answers 400; 2.36.0 answers null to
// an empty word.
func (s *Server) getSearchOutside(w http.ResponseWriter, q *request) {
	need := map[string]string{"podcast": "term", "authors": "q"}[strings.ToLower(q.params["what"])]
	query := q.URL.Query()
	switch what := strings.ToLower(q.params["what"]); {
	case what == "providers" && s.facts.searchProviders:
		one := []object{{{"value", "google"}, {"text", "Google Books"}}}
		sendJSON(w, q.Request, http.StatusOK, object{{"providers", object{{"books", one}, {"booksCovers", one},
			{"podcasts", []object{{{"value", "itunes"}, {"text", "iTunes"}}}}}}})
	case what == "chapters":
		sendJSON(w, q.Request, http.StatusOK, object{{"error", "Invalid ASIN"}, {"stringKey", "MessageInvalidAsin"}})
	case what == "covers":
		sendJSON(w, q.Request, http.StatusOK, object{{"results", none()}})
	case what == "books":
		sendJSON(w, q.Request, http.StatusOK, none())
	case need != "" && s.facts.searchProviders && !query.Has(need):
		sendJSON(w, q.Request, http.StatusBadRequest, object{{"error", `Query parameter "` + need + `" is required`}})
	case need != "" && s.facts.searchProviders && query.Get(need) == "":
		sendJSON(w, q.Request, http.StatusOK, nil)
	case need == "term" && query.Get(need) == "":
		sendText(w, q.Request, http.StatusBadRequest, `Invalid request query param "term" is required`)
	case need == "q" && query.Get(need) == "":
		sendText(w, q.Request, http.StatusBadRequest, "Invalid query param")
	case need != "":
		sendJSON(w, q.Request, http.StatusOK, none())
	default:
		notFound(w, q.Request)
	}
}
