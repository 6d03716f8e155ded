package proxy

import (
	"context"
	"net/http"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/transfers"
)

// call is one request on its way.
type call struct {
	server *Server
	r      *http.Request
	conn   *conn

	host   string         // by which we are known to the player, with the port
	asked  string         // the path as the player wrote it, with single slashes
	header http.Header    // of the answer
	body   *patientBody   // of r; nil: none
	page   page           // that a browser sends it for
	path   string         // the route: without base path, escapes undone
	raw    string         // the same, with the escapes that the player wrote
	caller players.Caller // that sent it
	needs  bearer         // what upstream is sent
	detour string         // a path that stands in for path
	socket bool           // it asks for the live socket
	local  *answers.Route // it is answered here
	early  bool           // its answer can begin before the server's
	extra  http.Header    // goes upstream with it

	mediaKnown, isMedia bool // see media
	mediaPart           transfers.Media

	pausable bool            // a pause ends it
	paused   bool            // one has
	life     context.Context // see context; nil: not needed yet
	lifeCut  cut

	piece *transfers.Piece // counts what the player gets of a book or an episode; nil for other answers
}

type bearer bool

const (
	withBearer    bearer = true
	withoutBearer bearer = false // the server answers anybody who knows the address
)
