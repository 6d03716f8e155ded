package conformance

import "strings"

// exception names cases that are not replayed. A name that ends in "/*" stands
// for everything beneath it.
type exception struct {
	name, reason string
}

// exceptions are the whole list. None may concern signing in, sockets or ranges.
var exceptions = []exception{
	{"basepath/bare/web-root", "the page is the server's own web client, which the double does not have"},
	{"basepath/bare/web-root-slash", "the page is the server's own web client, which the double does not have"},
	{"basepath/prefixed/web-root-slash", "the page is the server's own web client, which the double does not have"},
	{"cover/webp", "the double has no WebP encoder and answers with JPEG"},
	{"cover/accept-webp", "the double has no WebP encoder and answers with JPEG"},
}

// excepted is the reason for which a case is left out, or "". An exception for a
// page of the web client holds only where the recorded server had that page.
func excepted(c *Case) string {
	for _, e := range exceptions {
		if c.Name != e.name && !(strings.HasSuffix(e.name, "/*") && strings.HasPrefix(c.Name, strings.TrimSuffix(e.name, "*"))) {
			continue
		}
		if strings.Contains(e.name, "/web-") && c.Response != nil && c.Response.Status != 200 {
			continue
		}
		return e.reason
	}
	return ""
}
