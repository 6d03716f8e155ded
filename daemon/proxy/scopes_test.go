package proxy

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
)

var update = flag.Bool("update", false, "write docs/scopes.md anew")

// routesOf are the routes of a release's API, as its router names them.
func routesOf(t *testing.T, release string) (list [][2]string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "apiroutes-"+release+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		method, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			t.Fatalf("%q", line)
		}
		short, optional := strings.CutSuffix(path, "?")
		list = append(list, [2]string{method, short})
		if optional { // "/a/:b?" is two routes
			list = append(list, [2]string{method, short[:strings.LastIndex(short, "/")]})
		}
	}
	return list
}

// Every route of every release stands in the table or is answered here, and the
// table has no route that no release has.
func TestScopesCoverEveryRoute(t *testing.T) {
	var all [][2]string
	for _, release := range []string{"2.26.3", "2.36.0"} {
		list := routesOf(t, release)
		if len(list) < 190 {
			t.Fatalf("%s: only %d routes", release, len(list))
		}
		for _, r := range list {
			_, _, known := scopeOf(r[0], r[1])
			if !known && answers.For(r[0], r[1]) == nil {
				t.Errorf("%s: %s %s has no scope", release, r[0], r[1])
			}
		}
		all = append(all, list...)
	}
	shape := func(path string) string {
		parts := strings.Split(path, "/")
		for i, p := range parts {
			if strings.HasPrefix(p, ":") {
				parts[i] = ":"
			}
		}
		return strings.Join(parts, "/")
	}
	var have []string
	for _, r := range all {
		have = append(have, r[0]+" "+shape(r[1]))
	}
	// Of releases before 2.26 (sync-local-progress) and after 2.26 (bookmarks).
	older := []string{"POST /api/me/sync-local-progress", "GET /api/podcasts/:/downloads", "GET /api/search/:"}
	for _, rule := range scopeTable {
		for _, r := range rule.routes() {
			if name := r[0] + " " + shape(r[1]); strings.HasPrefix(r[1], "/api/") && !slices.Contains(have, name) && !slices.Contains(older, name) {
				t.Errorf("no release has %s", name)
			}
		}
	}
}

// What the issue of a release's web client decides.
func TestScopesOfSingleRoutes(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         players.Scope
	}{
		{"POST", "/api/filesystem/pathexists", players.ScopeFull}, {"POST", "/api/upload", players.ScopeFull},
		{"GET", "/api/filesystem", players.ScopeAdmin},
		{"GET", "/api/tasks", players.ScopeListen}, {"GET", "/api/tags", players.ScopeListen},
		{"HEAD", "/api/items/1/cover/", players.ScopeListen},
		{"DELETE", "/api/me/progress/1", players.ScopeListen}, {"GET", "/api/search/covers", players.ScopeFull},
		{"GET", "/api/search/books", players.ScopeFull}, {"GET", "/api/podcasts/1/search-episode", players.ScopeFull},
		{"DELETE", "/api/items/1", players.ScopeFull}, {"POST", "/api/api-keys", players.ScopeAdmin},
		{"POST", "/api/share/mediaitem", players.ScopeAdmin},
		{"GET", "/api/users/online", players.ScopeAdmin}, {"POST", "/api/tools/item/1/encode-m4b", players.ScopeAdmin},
		{"GET", "/API/Libraries/1/MatchAll", players.ScopeAdmin},
	} {
		if got, bearer, known := scopeOf(c.method, c.path); got != c.want || bearer != withBearer || !known {
			t.Errorf("%s %s: %q %v %v, want %q", c.method, c.path, got, bearer, known, c.want)
		}
	}
	for _, path := range []string{"/api/authorize", "/api/nope", "/api/items/1/nope", "/api"} {
		if _, _, known := scopeOf("GET", path); known {
			t.Errorf("%s is known", path)
		}
	}
	for _, path := range []string{"/public/share/x", "/public/share/x/track/1", "/public/share/x/cover"} {
		if scope, bearer, known := scopeOf("GET", path); scope != "" || bearer != withoutBearer || !known {
			t.Errorf("%s: %q %v %v", path, scope, bearer, known)
		}
	}
}

// routes are the methods and paths of a rule.
func (r *scopeRule) routes() (list [][2]string) {
	for line := range strings.Lines(r.list) {
		if f := strings.Fields(line); len(f) == 2 {
			list = append(list, [2]string{f[0], f[1]})
		}
	}
	return list
}

// localList are the routes that the server never sees.
var localList = []string{
	"POST /login", "POST /auth/refresh", "POST /logout", "GET /status", "GET /_shelfkeeper/open", "GET /_shelfkeeper/playlist/:file",
	"GET /_shelfkeeper/playlist/:id/:file", "GET /_shelfkeeper/podcast/:file", "GET /_shelfkeeper/podcasts.opml", "ANY /auth/openid/callback",
	"PATCH /api/me/password", "GET /api/me/sessions", "DELETE /api/me/sessions/:id", "ANY /init",
}

// docs/scopes.md says what the code does.
func TestScopesAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Scopes

What a grant of each scope may ask of the server. Every scope has those before it.
This page is made from daemon/proxy/scopetable.go: ` + "`go test ./daemon/proxy -run Documented -update`" + `.
Routes of the API that are not listed need the scope admin; other scopes get 404 for them.
The server itself decides in any case what its account may do.

| scope | why | routes |
| --- | --- | --- |
`)
	for _, rule := range scopeTable {
		scope := string(rule.scope)
		if scope == "" {
			scope = "(none)"
		}
		var list []string
		for _, r := range rule.routes() {
			list = append(list, "`"+r[0]+" "+r[1]+"`")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", scope, rule.why, strings.Join(list, "<br>"))
	}
	b.WriteString(`
Answered here, never by the server:

| route | who |
| --- | --- |
`)
	for _, name := range localList {
		method, path, _ := strings.Cut(name, " ")
		r := answers.For(strings.Replace(method, "ANY", "GET", 1), path)
		switch {
		case r == nil:
			t.Errorf("%s is not answered here", name)
		case r.Open():
			fmt.Fprintf(&b, "| `%s` | everybody; it carries its own credential, or says nothing |\n", name)
		case r.Allows(players.ScopeListen):
			fmt.Fprintf(&b, "| `%s` | listen |\n", name)
		case r.Allows(players.ScopeFull):
			fmt.Fprintf(&b, "| `%s` | full |\n", name)
		}
	}
	path := filepath.Join("..", "..", "docs", "scopes.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != b.String() {
		t.Errorf("docs/scopes.md is not what the code does (%v): run this test with -update", err)
	}
}
