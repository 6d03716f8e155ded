package proxy

import (
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/route"
)

// socketRoutes carry the frames of the live socket.
var socketRoutes = route.Parse(`
ANY /socket.io/*
`)

// probeRoutes are the routes that tell nobody anything, and that players ask before
// they have anything to present.
var probeRoutes = route.Parse(`
GET /ping
GET /healthcheck
`)

// scopeOf returns the scope that a route needs, and what upstream is sent. It
// reports false for routes that nobody has any business with.
func scopeOf(method, path string) (players.Scope, bearer, bool) {
	switch {
	case listenRoutes.Matches(method, path):
		return players.ScopeListen, withBearer, true
	case openRoutes.Matches(method, path), pageRoutes.Matches(method, path):
		return "", withoutBearer, true
	case fullRoutes.Matches(method, path):
		return players.ScopeFull, withBearer, true
	case apiRoutes.Matches(method, path):
		return players.ScopeAdmin, withBearer, true
	}
	return "", withoutBearer, false
}

// listenRoutes are what a listener needs: to read, to stream, and to keep the
// user's own progress, bookmarks and playback sessions (abs:
// server/routers/ApiRouter.js). GETs that change something for everybody
// (matchall, checknew, clear-queue, apply) are not among them.
var listenRoutes = route.Parse(`
POST /api/authorize

GET  /api/libraries
GET  /api/libraries/:id
GET  /api/libraries/:id/items
GET  /api/libraries/:id/series
GET  /api/libraries/:id/series/:series
GET  /api/libraries/:id/collections
GET  /api/libraries/:id/playlists
GET  /api/libraries/:id/personalized
GET  /api/libraries/:id/filterdata
GET  /api/libraries/:id/search
GET  /api/libraries/:id/stats
GET  /api/libraries/:id/authors
GET  /api/libraries/:id/narrators
GET  /api/libraries/:id/recent-episodes
GET  /api/libraries/:id/episode-downloads
GET  /api/libraries/:id/podcast-titles
GET  /api/libraries/:id/opml
GET  /api/libraries/:id/download

POST /api/items/batch/get
GET  /api/items/:id
GET  /api/items/:id/cover
GET  /api/items/:id/download
GET  /api/items/:id/file/:file
GET  /api/items/:id/file/:file/download
GET  /api/items/:id/ebook
GET  /api/items/:id/ebook/:file
POST /api/items/:id/play
POST /api/items/:id/play/:episode

GET  /api/series/:id
GET  /api/authors/:id
GET  /api/authors/:id/image
GET  /api/collections
GET  /api/collections/:id
GET  /api/playlists
GET  /api/playlists/:id
GET  /api/podcasts/:id/downloads
GET  /api/podcasts/:id/search-episode
GET  /api/podcasts/:id/episode/:episode
GET  /api/search/:kind
GET  /api/genres

GET    /api/me
GET    /api/me/progress
GET    /api/me/bookmarks
GET    /api/me/bookmarks/:id
GET    /api/me/items-in-progress
GET    /api/me/listening-sessions
GET    /api/me/listening-stats
GET    /api/me/stats/year/:year
GET    /api/me/item/listening-sessions/:id
GET    /api/me/item/listening-sessions/:id/:episode
GET    /api/me/progress/:id
GET    /api/me/progress/:id/remove-from-continue-listening
GET    /api/me/progress/:id/:episode
PATCH  /api/me/progress/batch/update
PATCH  /api/me/progress/:id
PATCH  /api/me/progress/:id/:episode
GET    /api/me/series/:id/remove-from-continue-listening
GET    /api/me/series/:id/readd-to-continue-listening
POST   /api/me/sync-local-progress
POST   /api/me/item/:id/bookmark
PATCH  /api/me/item/:id/bookmark
DELETE /api/me/item/:id/bookmark/:time

GET  /api/session/:id
POST /api/session/:id/sync
POST /api/session/:id/close
POST /api/session/local
POST /api/session/local-all
`)

// fullRoutes are what the web client does for a user beyond listening, as far
// as the account may: the server asks for its permissions itself. What changes
// the server for everybody (users, API keys, backups, settings, libraries as a
// whole, feeds that the public can read) is left to apiRoutes.
var fullRoutes = route.Parse(`
ANY   /api/items/*
ANY   /api/collections/*
ANY   /api/playlists/*
ANY   /api/series/*
ANY   /api/authors/*
ANY   /api/me/progress/*
ANY   /api/me/item/*
POST  /api/me/ereader-devices
ANY   /api/podcasts/:id/*
POST  /api/podcasts
POST  /api/podcasts/feed
POST  /api/podcasts/opml/parse
POST  /api/podcasts/opml/create
PATCH  /api/libraries/:id/narrators/:narrator
DELETE /api/libraries/:id/narrators/:narrator
POST  /api/upload
POST  /api/emails/send-ebook-to-device
GET   /api/tasks
GET   /api/tags
`)

// apiRoutes are everything else of the API, in whatever release.
var apiRoutes = route.Parse(`
GET    /api/*
POST   /api/*
PATCH  /api/*
PUT    /api/*
DELETE /api/*
`)

// openRoutes are those at which Audiobookshelf asks for no token: an address
// that cannot be guessed, or nothing that is secret (measured on 2.26.3 to
// 2.36.0; the web client's pages are static files).
var openRoutes = route.Parse(`
GET /ping
GET /status
GET /healthcheck

GET /public/session/:id/track/:index
GET /hls/:id/:file
GET /feed/:slug
GET /feed/:slug/:cover
GET /feed/:slug/item/:episode/:file

`)

// pageRoutes are the web client's pages and files, which are the same for
// everybody: its router shows a page for each of these paths (abs:
// client/pages, client/static).
var pageRoutes = route.Parse(`
GET /
GET /login
GET /index.html
GET /favicon.ico
GET /manifest.json
GET /robots.txt
GET /sw.js
GET /Logo.png
GET /icon.svg
GET /ios_icon.png
GET /_nuxt/*
GET /fonts/*
GET /images/*
GET /libs/*
GET /locales/*
GET /item/:id
GET /library/:id/*
GET /author/:id
GET /collection/:id
GET /playlist/:id
GET /account
GET /audiobook/:id/:page
GET /batch
GET /config/*
GET /oops
GET /share/:slug
GET /upload
GET /textures/*
GET /libarchive/*
GET /book_placeholder.jpg
GET /icon48.png
GET /icon64.png
GET /icon192.png
`)
