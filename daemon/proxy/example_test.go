package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"shelfkeeper/daemon/proxy/route"
)

// Each guard stops one attack, and the first guard that objects answers the request.
// These guards look at the request alone, without asking who sent it. Below, one request
// of a player passes. The others come from hostile pages, or would reach another place.
func Example_guards() {
	server := &Server{prefixes: []string{route.UsualBasePath}}
	// A connection from this machine, and the names by which a player may call the server.
	here := &conn{loopback: true, hosts: []string{"127.0.0.1:13379", "localhost:13379"}, bare: []string{"127.0.0.1", "localhost"}}
	ask := func(what, path string, change func(*http.Request)) {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "127.0.0.1:13379"
		change(r)
		call := &call{server: server, r: r, conn: here, header: http.Header{}}
		for _, g := range column[:6] {
			if no := g.check(call); no != nil {
				fmt.Printf("%s: %d %s\n", what, no.Status, no.Cause)
				return
			}
		}
		fmt.Printf("%s: goes on\n", what)
	}
	ask("a player", "/api/libraries", func(*http.Request) {})
	// DNS rebinding: evil.example now leads to 127.0.0.1, but the browser still sends its name.
	ask("a page whose name was rebound", "/api/libraries", func(r *http.Request) { r.Host = "evil.example:13379" })
	ask("a page of another site", "/api/libraries", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	ask("an image on a page of another site", "/api/items/1/cover", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	// One server reads %2f as a slash and goes to /logout, another one does not.
	ask("a path with two meanings", "/api/..%2flogout", func(*http.Request) {})
	ask("a program that takes this for an HTTP proxy", "http://other.example/", func(*http.Request) {})
	// Output:
	// a player: goes on
	// a page whose name was rebound: 421 the Host header does not name this server
	// a page of another site: 403 a page of another origin asked for this
	// an image on a page of another site: 403 a page of another origin asked for this
	// a path with two meanings: 400 the path could be read in two ways
	// a program that takes this for an HTTP proxy: 400 the request does not name a path of this server
}
