package proxy

import (
	"net/http"

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
// reports false for routes that no release is known to have.
func scopeOf(method, path string) (players.Scope, bearer, bool) {
	for i := range scopeTable {
		if r := &scopeTable[i]; r.set.Matches(method, path) {
			return r.scope, r.bearer(), true
		}
	}
	switch {
	case pageRoutes.Matches(method, path):
		return "", withoutBearer, true
	case apiPaths.Matches(method, path):
		// A release of tomorrow may have it. Until it stands above, it is the
		// administrator's.
		return players.ScopeAdmin, withBearer, false
	case method == http.MethodGet, method == http.MethodHead:
		return "", withoutBearer, false // the server says that it is not there
	}
	return players.ScopeAdmin, withBearer, false
}

// apiPaths are the server's API, in whatever release.
var apiPaths = route.Parse(`
ANY /api/*
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
