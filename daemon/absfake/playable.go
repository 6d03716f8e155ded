package absfake

// media is what is played and what progress is kept of: a book, or an episode of
// a podcast. The server also opens a session for a podcast without naming an
// episode; there is nothing to hear in it, and its syncs keep no progress
// (facts.podcastRefused).
type media struct {
	item    *Item
	episode *Episode // nil: a book, or no episode was named
}

// id is that of the book or the episode, not of the library item.
func (m media) id() string {
	if m.episode != nil {
		return m.episode.ID
	}
	return m.item.MediaID
}

func (m media) kind() string {
	if m.episode != nil {
		return "podcastEpisode"
	}
	return "book"
}

// bookID is in a session even where a podcast is played without an episode.
// abs: server/objects/PlaybackSession.js, setData
func (m media) bookID() any {
	if m.episode != nil {
		return nil
	}
	return m.item.MediaID
}

func (m media) episodeID() any {
	if m.episode == nil {
		return nil
	}
	return m.episode.ID
}

func (m media) title() string {
	switch {
	case m.episode != nil:
		return m.episode.Title
	case m.item.library.podcast:
		return ""
	default:
		return m.item.Title
	}
}

func (m media) files() []*File {
	switch {
	case m.episode != nil:
		return []*File{m.episode.File}
	case m.item.library.podcast:
		return nil
	default:
		return m.item.Files
	}
}

func (m media) duration() float64 {
	var d float64
	for _, f := range m.files() {
		d += f.Duration
	}
	return d
}

func (m media) tracks() []object {
	switch {
	case m.episode != nil:
		return []object{m.item.episodeTrack(m.episode)}
	case m.item.library.podcast:
		return []object{}
	default:
		return m.item.tracks()
	}
}

// playsAsIs tells whether a client that plays these types needs no transcode.
func (m media) playsAsIs(types any) bool {
	files := m.files()
	return len(files) > 0 && lists(types, files[0].audio.mime)
}

func (m media) keepsProgress() bool { return m.episode != nil || !m.item.library.podcast }

func (m media) episodeExpanded() any {
	if m.episode == nil {
		return nil
	}
	return m.item.episodeExpanded(m.episode)
}
