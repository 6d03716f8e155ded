package absfake

import (
	"net/http"
	"strings"
)

// The JSON of libraries and items. abs: server/models/LibraryItem.js, Book.js,
// Library.js

func (s *Server) libraryJSON(l *Library) object {
	at := millis(l.Items[0].Modified)
	order, icon, provider, settings := 1, "database", "audible", bookSettings
	if l.podcast {
		order, icon, provider, settings = 2, "podcast", "itunes", podcastSettings
	}
	return object{
		{"id", l.ID},
		{"name", l.Name},
		{"folders", []object{{
			{"id", l.FolderID}, {"fullPath", l.path}, {"libraryId", l.ID}, {"addedAt", at},
		}}},
		{"displayOrder", order},
		{"icon", icon},
		{"mediaType", l.mediaType()},
		{"provider", provider},
		{"settings", settings},
		{"lastScan", at},
		{"lastScanVersion", string(s.facts.release)},
		{"createdAt", at},
		{"lastUpdate", at},
	}
}

var bookSettings = object{
	{"coverAspectRatio", 1},
	{"disableWatcher", false},
	{"autoScanCronExpression", nil},
	{"skipMatchingMediaWithAsin", false},
	{"skipMatchingMediaWithIsbn", false},
	{"audiobooksOnly", false},
	{"epubsAllowScriptedContent", false},
	{"hideSingleBookSeries", false},
	{"onlyShowLaterBooksInContinueSeries", false},
	{"metadataPrecedence", []string{"folderStructure", "audioMetatags", "nfoFile", "txtFiles", "opfFile", "absMetadata"}},
	{"markAsFinishedPercentComplete", nil},
	{"markAsFinishedTimeRemaining", 10},
}

// defaultLibrary is the library that a client shows first, nil: none.
func (s *Server) defaultLibrary() any {
	if s.cfg.NoLibrary {
		return nil
	}
	return s.library.ID
}

func (s *Server) getLibraries(w http.ResponseWriter, q *request) {
	list := []object{}
	if !s.cfg.NoLibrary {
		list = append(list, s.libraryJSON(s.library))
	}
	if s.casts != nil {
		list = append(list, s.libraryJSON(s.casts))
	}
	sendJSON(w, q.Request, http.StatusOK, object{{"libraries", list}})
}

func (s *Server) getLibrary(w http.ResponseWriter, q *request) {
	l := s.libraryByID(q.params["id"])
	if l == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	if strings.Contains(q.URL.Query().Get("include"), "filterdata") {
		sendJSON(w, q.Request, http.StatusOK, s.libraryWithFilters(q, l))
		return
	}
	sendJSON(w, q.Request, http.StatusOK, s.libraryJSON(l))
}

// getLibraryItems is a page of the library. Sorting and filters are echoed but
// not applied, except the filter by an author.
func (s *Server) getLibraryItems(w http.ResponseWriter, q *request) {
	l := s.libraryByID(q.params["id"])
	if l == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	query := q.URL.Query()
	limit, page := max(0, queryInt(q, "limit", 0)), max(0, queryInt(q, "page", 0))
	items := byAuthor(l.Items, query.Get("filter"))
	total := len(items)
	if limit > 0 {
		items = cut(items, page, limit)
	}
	results := []object{}
	for _, i := range items {
		results = append(results, append(s.itemMinified(i), s.incomplete(q, i)...))
	}
	o := object{{"results", results}, {"total", total}, {"limit", limit}, {"page", page}}
	if query.Has("sort") {
		o = append(o, pair{"sortBy", query.Get("sort")})
	}
	o = append(o, pair{"sortDesc", query.Get("desc") == "1"})
	if query.Has("filter") {
		o = append(o, pair{"filterBy", query.Get("filter")})
	}
	sendJSON(w, q.Request, http.StatusOK, append(o, object{
		{"mediaType", l.mediaType()},
		{"minified", query.Get("minified") == "1"},
		{"collapseseries", query.Get("collapseseries") == "1"},
		{"include", query.Get("include")},
		{"offset", page * limit},
	}...))
}

func (s *Server) getItem(w http.ResponseWriter, q *request) {
	i := s.item(q.params["id"])
	if i == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	query := q.URL.Query()
	if query.Get("expanded") != "1" {
		sendJSON(w, q.Request, http.StatusOK, s.itemPlain(i))
		return
	}
	o := s.itemExpanded(i)
	if strings.Contains(","+query.Get("include")+",", ",progress,") {
		var mine any
		s.mu.Lock()
		if p := q.user.progressSaid(i.ID, query.Get("episode")); p != nil {
			mine = p.json()
		}
		s.mu.Unlock()
		o = append(o, pair{"userMediaProgress", mine})
	}
	sendJSON(w, q.Request, http.StatusOK, o)
}

// postItems is several items at once; those that there are not are left out.
// abs: server/controllers/LibraryItemController.js, batchGet
func (s *Server) postItems(w http.ResponseWriter, q *request) {
	body, _ := q.body.(map[string]any)
	ids, _ := body["libraryItemIds"].([]any)
	if len(ids) == 0 {
		sendText(w, q.Request, http.StatusForbidden, "Invalid payload")
		return
	}
	list := []object{}
	for _, said := range ids {
		id, _ := said.(string)
		if i := s.item(id); i != nil {
			list = append(list, s.itemExpanded(i))
		}
	}
	sendJSON(w, q.Request, http.StatusOK, object{{"libraryItems", list}})
}

func (i *Item) coverPath() any {
	c := i.cover()
	if c == nil {
		return nil
	}
	return c.Path
}

// itemHead is what every form of an item begins with.
func (s *Server) itemHead(i *Item) object {
	at := millis(i.Modified)
	return object{
		{"id", i.ID},
		{"ino", i.Ino},
		{"oldLibraryItemId", nil},
		{"libraryId", i.library.ID},
		{"folderId", i.library.FolderID},
		{"path", i.path()},
		{"relPath", i.relPath()},
		{"isFile", false},
		{"mtimeMs", at},
		{"ctimeMs", at},
		{"birthtimeMs", at},
		{"addedAt", at},
		{"updatedAt", at},
	}
}

func (s *Server) scan(i *Item) object {
	return object{{"lastScan", millis(i.Modified)}, {"scanVersion", string(s.facts.release)}}
}

func (i *Item) present() object {
	return object{{"isMissing", false}, {"isInvalid", false}, {"mediaType", i.library.mediaType()}}
}

func (s *Server) itemPlain(i *Item) object {
	o := append(append(s.itemHead(i), s.scan(i)...), i.present()...)
	media := object{
		{"id", i.MediaID},
		{"libraryItemId", i.ID},
		{"metadata", i.metadata()},
		{"coverPath", i.coverPath()},
		{"tags", []string{}},
		{"audioFiles", i.audioFiles()},
		{"chapters", i.chapters()},
		{"ebookFile", nil},
	}
	if i.library.podcast {
		media = i.podcastPlain(i.Episodes)
	}
	return append(o, object{{"media", media}, {"libraryFiles", i.libraryFiles()}}...)
}

func (i *Item) counts() object {
	return object{{"numTracks", len(i.Files)}, {"numAudioFiles", len(i.Files)}, {"numChapters", len(i.Chapters)}}
}

func (i *Item) extent() object {
	return object{{"duration", i.Duration()}, {"size", i.Size()}}
}

func (s *Server) itemMinified(i *Item) object {
	media := object{{"id", i.MediaID}, {"metadata", i.metadataMinified()}, {"coverPath", i.coverPath()}, {"tags", []string{}}}
	media = append(append(media, i.counts()...), i.extent()...)
	if i.library.podcast {
		media = i.podcastMinified()
	}
	return append(append(s.itemHead(i), i.present()...), object{
		{"media", media}, {"numFiles", len(i.Files)}, {"size", i.Size()},
	}...)
}

// itemExpanded has two shapes; since 2.36.0 it is the minified one and more.
func (s *Server) itemExpanded(i *Item) object {
	if !s.facts.newItemShape {
		media := object{
			{"id", i.MediaID}, {"libraryItemId", i.ID}, {"metadata", i.metadataExpanded()}, {"coverPath", i.coverPath()},
			{"tags", []string{}},
			{"audioFiles", i.audioFiles()}, {"chapters", i.chapters()}, {"ebookFile", nil},
		}
		media = append(append(media, i.extent()...), pair{"tracks", i.tracks()})
		if i.library.podcast {
			media = i.podcastExpandedBefore()
		}
		o := append(append(s.itemHead(i), s.scan(i)...), i.present()...)
		return append(o, object{{"media", media}, {"libraryFiles", i.libraryFiles()}, {"size", i.Size()}}...)
	}
	media := object{{"id", i.MediaID}, {"metadata", i.metadataExpanded()}, {"coverPath", i.coverPath()}, {"tags", []string{}}}
	media = append(append(media, i.counts()...), i.extent()...)
	media = append(media, object{
		{"libraryItemId", i.ID}, {"audioFiles", i.audioFiles()}, {"chapters", i.chapters()}, {"ebookFile", nil}, {"tracks", i.tracks()},
	}...)
	if i.library.podcast {
		media = i.podcastExpanded()
	}
	o := append(append(s.itemHead(i), i.present()...), object{{"media", media}, {"numFiles", len(i.Files)}, {"size", i.Size()}}...)
	return append(append(o, s.scan(i)...), pair{"libraryFiles", i.libraryFiles()})
}
