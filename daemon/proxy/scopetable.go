package proxy

import (
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/route"
)

// scopeRule says which scope some of the server's routes need, and why.
type scopeRule struct {
	scope players.Scope // "": whoever is known to us, and the server asks for no token
	why   string
	list  string
	set   route.Set
}

func (r *scopeRule) bearer() bearer { return bearer(r.scope != "") }

// scopeTable has every route that Audiobookshelf 2.26.3 to 2.36.0 has (abs:
// server/routers). A route belongs to the first rule that names it. What the
// web client's pages ask for was looked up in its source of both releases.
// docs/scopes.md is made from this table.
var scopeTable = withSets([]scopeRule{
	{scope: "", why: "the server asks nobody for a token: an address that cannot be guessed, or nothing that is secret", list: `
GET   /ping
GET   /status
GET   /healthcheck
GET   /public/session/:id/track/:index
GET   /public/share/:slug
GET   /public/share/:slug/track/:index
GET   /public/share/:slug/cover
GET   /public/share/:slug/download
PATCH /public/share/:slug/progress
GET   /hls/:id/:file
GET   /feed/:slug
GET   /feed/:slug/:cover
GET   /feed/:slug/item/:episode/:file
`},
	{scope: players.ScopeListen, why: "who the user is, and what every page of the web client asks when it starts", list: `
POST /api/authorize
GET  /api/me
GET  /api/tasks
GET  /api/tags
GET  /api/genres
`},
	{scope: players.ScopeListen, why: "reads what the libraries hold", list: `
GET /api/libraries
GET /api/libraries/:id
GET /api/libraries/:id/items
GET /api/libraries/:id/series
GET /api/libraries/:id/series/:series
GET /api/libraries/:id/collections
GET /api/libraries/:id/playlists
GET /api/libraries/:id/personalized
GET /api/libraries/:id/filterdata
GET /api/libraries/:id/search
GET /api/libraries/:id/stats
GET /api/libraries/:id/authors
GET /api/libraries/:id/narrators
GET /api/libraries/:id/recent-episodes
GET /api/libraries/:id/episode-downloads
GET /api/libraries/:id/podcast-titles
GET /api/libraries/:id/opml
GET /api/series/:id
GET /api/authors/:id
GET /api/authors/:id/image
GET /api/collections
GET /api/collections/:id
GET /api/playlists
GET /api/playlists/:id
GET /api/podcasts/:id/downloads
GET /api/podcasts/:id/episode/:episode
`},
	{scope: players.ScopeListen, why: "reads, streams and downloads items, as far as the account may", list: `
GET  /api/libraries/:id/download
POST /api/items/batch/get
GET  /api/items/:id
GET  /api/items/:id/cover
GET  /api/items/:id/download
GET  /api/items/:id/file/:file
GET  /api/items/:id/file/:file/download
GET  /api/items/:id/ebook
GET  /api/items/:id/ebook/:file
`},
	{scope: players.ScopeListen, why: "plays, and reports what was listened to", list: `
POST /api/items/:id/play
POST /api/items/:id/play/:episode
GET  /api/session/:id
POST /api/session/:id/sync
POST /api/session/:id/close
POST /api/session/local
POST /api/session/local-all
`},
	{scope: players.ScopeListen, why: "the user's own progress, bookmarks and listening history", list: `
GET    /api/me/progress
GET    /api/me/progress/:id
GET    /api/me/progress/:id/remove-from-continue-listening
GET    /api/me/progress/:id/:episode
PATCH  /api/me/progress/batch/update
PATCH  /api/me/progress/:id
PATCH  /api/me/progress/:id/:episode
DELETE /api/me/progress/:id
GET    /api/me/series/:id/remove-from-continue-listening
GET    /api/me/series/:id/readd-to-continue-listening
GET    /api/me/items-in-progress
GET    /api/me/bookmarks
GET    /api/me/bookmarks/:id
POST   /api/me/item/:id/bookmark
PATCH  /api/me/item/:id/bookmark
DELETE /api/me/item/:id/bookmark/:time
GET    /api/me/listening-sessions
GET    /api/me/listening-stats
GET    /api/me/stats/year/:year
GET    /api/me/item/listening-sessions/:id
GET    /api/me/item/listening-sessions/:id/:episode
POST   /api/me/sync-local-progress
`},
	{scope: players.ScopeFull, why: "makes the server ask other sites", list: `
GET  /api/search/:kind
GET  /api/podcasts/:id/search-episode
GET  /api/podcasts/:id/checknew
POST /api/podcasts/feed
POST /api/podcasts/:id/match-episodes
POST /api/items/:id/match
POST /api/items/batch/quickmatch
POST /api/authors/:id/match
POST /api/authors/:id/image
`},
	{scope: players.ScopeFull, why: "edits what is known of items, authors, series and episodes, for everybody", list: `
PATCH  /api/items/:id/media
PATCH  /api/items/:id/tracks
POST   /api/items/:id/chapters
POST   /api/items/:id/cover
PATCH  /api/items/:id/cover
DELETE /api/items/:id/cover
PATCH  /api/items/:id/ebook/:file/status
POST   /api/items/:id/scan
POST   /api/items/batch/update
POST   /api/items/batch/scan
GET    /api/items/:id/metadata-object
GET    /api/items/:id/ffprobe/:file
PATCH  /api/authors/:id
DELETE /api/authors/:id/image
PATCH  /api/series/:id
PATCH  /api/podcasts/:id/episode/:episode
PATCH  /api/libraries/:id/narrators/:narrator
DELETE /api/libraries/:id/narrators/:narrator
`},
	{scope: players.ScopeFull, why: "deletes items, their files, episodes and authors for good", list: `
DELETE /api/items/:id
DELETE /api/items/:id/file/:file
POST   /api/items/batch/delete
DELETE /api/podcasts/:id/episode/:episode
DELETE /api/authors/:id
`},
	{scope: players.ScopeFull, why: "makes, edits and deletes collections and playlists", list: `
POST   /api/collections
PATCH  /api/collections/:id
DELETE /api/collections/:id
POST   /api/collections/:id/book
DELETE /api/collections/:id/book/:book
POST   /api/collections/:id/batch/add
POST   /api/collections/:id/batch/remove
POST   /api/playlists
PATCH  /api/playlists/:id
DELETE /api/playlists/:id
POST   /api/playlists/:id/item
DELETE /api/playlists/:id/item/:item
DELETE /api/playlists/:id/item/:item/:episode
POST   /api/playlists/:id/batch/add
POST   /api/playlists/:id/batch/remove
POST   /api/playlists/collection/:collection
`},
	{scope: players.ScopeFull, why: "adds books, podcasts and episodes; pathexists keeps an upload from replacing a book", list: `
POST /api/upload
POST /api/filesystem/pathexists
POST /api/podcasts
POST /api/podcasts/opml/parse
POST /api/podcasts/opml/create
POST /api/podcasts/:id/download-episodes
GET  /api/podcasts/:id/clear-queue
`},
	{scope: players.ScopeFull, why: "the user's e-readers", list: `
POST /api/me/ereader-devices
POST /api/emails/send-ebook-to-device
`},
	{scope: players.ScopeAdmin, why: "users, their sessions and their listening", list: `
GET    /api/users
GET    /api/users/online
GET    /api/users/:id
POST   /api/users
PATCH  /api/users/:id
DELETE /api/users/:id
PATCH  /api/users/:id/openid-unlink
GET    /api/users/:id/listening-sessions
GET    /api/users/:id/listening-stats
GET    /api/sessions
GET    /api/sessions/open
DELETE /api/sessions/:id
POST   /api/sessions/batch/delete
`},
	{scope: players.ScopeAdmin, why: "API keys, which outlive every grant", list: `
GET    /api/api-keys
POST   /api/api-keys
PATCH  /api/api-keys/:id
DELETE /api/api-keys/:id
`},
	{scope: players.ScopeAdmin, why: "feeds and share links, which the public can read", list: `
GET    /api/feeds
POST   /api/feeds/item/:id/open
POST   /api/feeds/collection/:id/open
POST   /api/feeds/series/:id/open
POST   /api/feeds/:id/close
POST   /api/share/mediaitem
DELETE /api/share/mediaitem/:id
`},
	{scope: players.ScopeAdmin, why: "libraries as a whole, and the names of tags and genres in all of them", list: `
POST   /api/libraries
PATCH  /api/libraries/:id
DELETE /api/libraries/:id
POST   /api/libraries/order
POST   /api/libraries/:id/scan
GET    /api/libraries/:id/matchall
DELETE /api/libraries/:id/issues
POST   /api/libraries/:id/remove-metadata
POST   /api/tags/rename
DELETE /api/tags/:tag
POST   /api/genres/rename
DELETE /api/genres/:genre
`},
	{scope: players.ScopeAdmin, why: "rewrites the books' files", list: `
POST   /api/tools/item/:id/encode-m4b
DELETE /api/tools/item/:id/encode-m4b
POST   /api/tools/item/:id/embed-metadata
POST   /api/tools/batch/embed-metadata
`},
	{scope: players.ScopeAdmin, why: "the server itself: settings, backups, mail, notifications, caches, logs, its files", list: `
GET    /api/auth-settings
PATCH  /api/auth-settings
PATCH  /api/settings
PATCH  /api/sorting-prefixes
GET    /api/backups
POST   /api/backups
POST   /api/backups/upload
PATCH  /api/backups/path
GET    /api/backups/:id/apply
GET    /api/backups/:id/download
DELETE /api/backups/:id
GET    /api/emails/settings
PATCH  /api/emails/settings
POST   /api/emails/ereader-devices
POST   /api/emails/test
GET    /api/notifications
GET    /api/notificationdata
GET    /api/notifications/test
GET    /api/notifications/:id/test
POST   /api/notifications
PATCH  /api/notifications
PATCH  /api/notifications/:id
DELETE /api/notifications/:id
GET    /api/custom-metadata-providers
POST   /api/custom-metadata-providers
DELETE /api/custom-metadata-providers/:id
POST   /api/cache/purge
POST   /api/cache/items/purge
GET    /api/filesystem
GET    /api/logger-data
GET    /api/stats/server
GET    /api/stats/year/:year
POST   /api/validate-cron
POST   /api/watcher/update
`},
})

func withSets(rules []scopeRule) []scopeRule {
	for i := range rules {
		rules[i].set = route.Parse(rules[i].list)
	}
	return rules
}
