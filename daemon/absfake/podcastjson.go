package absfake

import (
	"net/http"
	"strconv"
)

// The JSON of podcasts and episodes. abs: server/models/Podcast.js,
// PodcastEpisode.js

const feedSite = "https://harbour-hour.example"

var podcastSettings = object{
	{"coverAspectRatio", 1},
	{"disableWatcher", false},
	{"autoScanCronExpression", nil},
	{"podcastSearchRegion", "us"},
	{"markAsFinishedPercentComplete", nil},
	{"markAsFinishedTimeRemaining", 10},
}

func (i *Item) podcastMetadata() object {
	released := i.released
	if n := len(i.Episodes); n > 0 {
		released = i.Episodes[n-1].Published
	}
	return object{
		{"title", i.Title},
		{"author", i.Author},
		{"description", orNil(i.Description)},
		{"releaseDate", released.UTC().Format("2006-01-02T15:04:05Z")},
		{"genres", []string{"Society"}},
		{"feedUrl", feedSite + "/rss"},
		{"imageUrl", feedSite + "/cover.jpg"},
		{"itunesPageUrl", nil},
		{"itunesId", nil},
		{"itunesArtistId", nil},
		{"explicit", false},
		{"language", "en"},
		{"type", "episodic"},
	}
}

// downloads is how new episodes are fetched, as the server has it by default.
func (i *Item) downloads() object {
	return object{
		{"autoDownloadEpisodes", false},
		{"autoDownloadSchedule", "0 * * * *"},
		{"lastEpisodeCheck", millis(i.Modified)},
		{"maxEpisodesToKeep", 0},
		{"maxNewEpisodesToDownload", 3},
	}
}

// podcastPlain is the podcast with the episodes given.
func (i *Item) podcastPlain(episodes []*Episode) object {
	list := []object{}
	for _, e := range episodes {
		list = append(list, i.episodePlain(e))
	}
	return append(object{
		{"id", i.MediaID},
		{"libraryItemId", i.ID},
		{"metadata", i.podcastMetadata()},
		{"coverPath", i.coverPath()},
		{"tags", []string{}},
		{"episodes", list},
	}, i.downloads()...)
}

func (i *Item) podcastMetadataExpanded() object {
	return append(i.podcastMetadata(), pair{"titleIgnorePrefix", i.titleIgnorePrefix()})
}

func (i *Item) podcastMinified() object {
	o := object{
		{"id", i.MediaID},
		{"metadata", i.podcastMetadataExpanded()},
		{"coverPath", i.coverPath()},
		{"tags", []string{}},
		{"numEpisodes", len(i.Episodes)},
	}
	return append(append(o, i.downloads()...), pair{"size", i.Size()})
}

func (i *Item) podcastExpanded() object {
	return append(i.podcastMinified(), pair{"libraryItemId", i.ID}, pair{"episodes", i.episodesExpanded()})
}

// podcastExpandedBefore is the form without what the minified one has beside it.
func (i *Item) podcastExpandedBefore() object {
	o := object{
		{"id", i.MediaID},
		{"libraryItemId", i.ID},
		{"metadata", i.podcastMetadataExpanded()},
		{"coverPath", i.coverPath()},
		{"tags", []string{}},
		{"episodes", i.episodesExpanded()},
	}
	return append(append(o, i.downloads()...), pair{"size", i.Size()})
}

func (i *Item) episodesExpanded() []object {
	out := []object{}
	for _, e := range i.Episodes {
		out = append(out, i.episodeExpanded(e))
	}
	return out
}

func (i *Item) episodePlain(e *Episode) object {
	at := millis(i.Modified)
	return object{
		{"libraryItemId", i.ID},
		{"podcastId", i.MediaID},
		{"id", e.ID},
		{"oldEpisodeId", nil},
		{"index", nil},
		{"season", strconv.Itoa(e.season)},
		{"episode", strconv.Itoa(e.number)},
		{"episodeType", "full"},
		{"title", e.Title},
		{"subtitle", nil},
		{"description", orNil(e.Description)},
		{"enclosure", object{
			{"url", feedSite + "/" + e.ID + ".wav"}, {"type", e.File.MIME}, {"length", strconv.FormatInt(e.File.Size, 10)},
		}},
		{"guid", e.ID},
		{"pubDate", e.Published.UTC().Format(http.TimeFormat)},
		{"chapters", []object{}},
		{"audioFile", e.File.audioFile(1, nil, at)},
		{"publishedAt", millis(e.Published)},
		{"addedAt", at},
		{"updatedAt", at},
	}
}

func (i *Item) episodeExpanded(e *Episode) object {
	return append(i.episodePlain(e), object{
		{"audioTrack", i.episodeTrack(e)}, {"size", e.File.Size}, {"duration", e.File.Duration},
	}...)
}

// episodeTrack is an episode as players get it: always the only track.
func (i *Item) episodeTrack(e *Episode) object {
	return append(e.File.audioFile(1, nil, millis(i.Modified)), object{
		{"startOffset", 0}, {"title", e.File.Name}, {"contentUrl", "/api/items/" + i.ID + "/file/" + e.File.Ino},
	}...)
}
