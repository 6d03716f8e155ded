package absfake

import "strings"

// The parts of which the forms of an item are made.

func (i *Item) metadata() object {
	if i.library.podcast {
		return i.podcastMetadata()
	}
	return append(object{
		{"title", i.Title},
		{"subtitle", nil},
		{"authors", []object{{{"id", i.AuthorID}, {"name", i.Author}}}},
		{"narrators", []string{}},
		{"series", []string{}},
	}, published...)
}

var published = object{
	{"genres", []string{}},
	{"publishedYear", nil},
	{"publishedDate", nil},
	{"publisher", nil},
	{"description", nil},
	{"isbn", nil},
	{"asin", nil},
	{"language", nil},
	{"explicit", false},
	{"abridged", false},
}

func (i *Item) names() object {
	first, last, _ := strings.Cut(i.Author, " ")
	return object{
		{"authorName", i.Author},
		{"authorNameLF", last + ", " + first},
		{"narratorName", ""},
		{"seriesName", ""},
	}
}

// titleIgnorePrefix moves an article to the end. abs: server/utils/index.js,
// getTitlePrefixAtEnd, with the prefixes of the default settings.
func (i *Item) titleIgnorePrefix() string {
	for _, prefix := range []string{"the", "a"} {
		if len(i.Title) > len(prefix)+1 && strings.EqualFold(i.Title[:len(prefix)+1], prefix+" ") {
			return i.Title[len(prefix)+1:] + ", " + i.Title[:len(prefix)]
		}
	}
	return i.Title
}

func (i *Item) metadataMinified() object {
	o := object{{"title", i.Title}, {"titleIgnorePrefix", i.titleIgnorePrefix()}, {"subtitle", nil}}
	return append(append(o, i.names()...), published...)
}

func (i *Item) metadataExpanded() object {
	o := append(i.metadata(), pair{"titleIgnorePrefix", i.titleIgnorePrefix()})
	return append(append(o, i.names()...), pair{"descriptionPlain", nil})
}

func (i *Item) chapters() []object {
	out := []object{}
	for n, c := range i.Chapters {
		out = append(out, object{{"id", n}, {"start", c.Start}, {"end", c.End}, {"title", c.Title}})
	}
	return out
}

func (f *File) metadata() object {
	at := millis(f.Modified)
	return object{
		{"filename", f.Name},
		{"ext", f.Name[strings.LastIndex(f.Name, "."):]},
		{"path", f.Path},
		{"relPath", f.Name},
		{"size", f.Size},
		{"mtimeMs", at},
		{"ctimeMs", at},
		{"birthtimeMs", millis(f.audio.created)},
	}
}

// audioFile is one track in the server's words; fromName is the number in its
// name.
func (f *File) audioFile(index int, fromName any, at int64) object {
	return object{
		{"index", index},
		{"ino", f.Ino},
		{"metadata", f.metadata()},
		{"addedAt", at},
		{"updatedAt", at},
		{"trackNumFromMeta", f.audio.track},
		{"discNumFromMeta", nil},
		{"trackNumFromFilename", fromName},
		{"discNumFromFilename", nil},
		{"manuallyVerified", false},
		{"exclude", false},
		{"error", nil},
		{"format", f.audio.format},
		{"duration", f.Duration},
		{"bitRate", f.audio.bitRate},
		{"language", nil},
		{"codec", f.audio.codec},
		{"timeBase", f.audio.timeBase},
		{"channels", f.audio.channels},
		{"channelLayout", f.audio.layout},
		{"chapters", []object{}},
		{"embeddedCoverArt", nil},
		{"metaTags", f.audio.tags},
		{"mimeType", f.audio.mime},
	}
}

// playMIME is what a client must list to get the sample files as they are.
const playMIME = "audio/mpeg"

func (i *Item) audioFiles() []object {
	out := []object{}
	for n, f := range i.Files {
		out = append(out, f.audioFile(n+1, n+1, millis(i.Modified)))
	}
	return out
}

func (i *Item) tracks() []object {
	out := []object{}
	for n, f := range i.Files {
		out = append(out, append(f.audioFile(n+1, n+1, millis(i.Modified)), object{
			{"title", f.Name}, {"startOffset", f.Offset}, {"contentUrl", "/api/items/" + i.ID + "/file/" + f.Ino},
		}...))
	}
	return out
}

func (i *Item) libraryFiles() []object {
	out := []object{}
	at := millis(i.Modified)
	for _, f := range i.Files {
		out = append(out, object{
			{"ino", f.Ino}, {"metadata", f.metadata()}, {"isSupplementary", nil}, {"addedAt", at}, {"updatedAt", at}, {"fileType", "audio"},
		})
	}
	return out
}
