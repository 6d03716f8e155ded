package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"shelfkeeper/daemon/proxy/route"
)

// The server has one ETag for an answer; here the answers to two callers differ by
// the tokens in them. So a validator of such an answer names its caller, and that of
// another one does not count.

// fileRoutes answer with files, which are the same for everybody.
var fileRoutes = route.Parse(`
GET /api/items/:id/cover
GET /api/items/:id/download
GET /api/items/:id/file/:file
GET /api/items/:id/file/:file/download
GET /api/items/:id/ebook
GET /api/items/:id/ebook/:file
GET /api/authors/:id/image
GET /api/libraries/:id/download
GET /api/backups/:id/download
`)

// callerMark separates the server's own tag from the caller's name.
const callerMark = "~"

// personal reports whether the answer to c may hold tokens of its caller.
func (c *call) personal() bool {
	read := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	return read && apiPaths.Matches(c.r.Method, c.path) && !fileRoutes.Matches(c.r.Method, c.path)
}

// callerName is what a validator names its caller by: nothing for a program of the
// user without a grant.
func (c *call) callerName() string {
	if c.caller.Grant == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.caller.Grant + "\n" + c.caller.SignIn))
	return callerMark + hex.EncodeToString(sum[:6])
}

// ownTag returns a validator of the server's as the caller gets it.
func (c *call) ownTag(tag string) string {
	name := c.callerName()
	if !strings.HasSuffix(tag, `"`) || name == "" {
		return tag
	}
	return tag[:len(tag)-1] + name + `"`
}

// serverTags returns what the server is asked of the validators that a caller
// presents: its own, without its name. "" means none.
func (c *call) serverTags(values []string) string {
	name := c.callerName()
	var kept []string
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		one = strings.TrimSpace(one)
		inner, ok := strings.CutSuffix(one, `"`)
		if !ok {
			continue // "*" too: it asks whether there is anything
		}
		tag, by, marked := strings.Cut(inner, callerMark)
		if marked && callerMark+by == name || !marked && name == "" {
			kept = append(kept, tag+`"`)
		}
	}
	return strings.Join(kept, ", ")
}
