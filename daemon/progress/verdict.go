package progress

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// verdict is what an answer means for a report.
type verdict int

const (
	temporary verdict = iota // not the server's own answer: the report may have arrived or not
	taken                    // the server has it
	gone                     // the server does not know the session or the item
	refused                  // the server will never take it
	stuck                    // the server had an error of its own
)

// refusals are the words in which the server refuses reports, beside the plain
// names of status codes. It calls them HTML (abs: server/models/User.js, server/controllers/MeController.js,
// server/managers/PlaybackSessionManager.js).
var refusals = []string{
	"Library item not found", "Episode not found", "Library item is not a book", "Missing request payload",
	"Media item not found", "Library not found",
}

// expressPage is how the page begins with which Express refuses a body it
// cannot read.
const expressPage = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n"

// judge classifies the answer to a report. Only the server's own words count: by
// status alone, a gateway's 404 or 403 and a captive portal's 200 look the same.
// The flat switch is the clearest form of this table.
func judge(k Kind, a Answer) verdict {
	text, plain := string(a.Body), isPlain(a.Header)
	named := plain && text == http.StatusText(a.Status)
	known := (plain || isType(a.Header, "text/html")) && slices.Contains(refusals, text)
	page := isType(a.Header, "text/html") && strings.HasPrefix(text, expressPage)
	switch {
	case a.Status == http.StatusOK && k == LocalAll:
		if _, ok := results(a); ok {
			return taken
		}
	case a.Status == http.StatusOK && plain && text == "OK":
		return taken
	case a.Status == http.StatusNotFound && (named || known):
		return gone
	case a.Status/100 == 4 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusRequestTimeout && (named || known || page):
		return refused
	case a.Status == http.StatusInternalServerError && known:
		return refused
	case a.Status == http.StatusInternalServerError && (named || page):
		return stuck
	}
	return temporary
}

// result is the server's word on one offline session.
type result struct {
	ID      string `json:"id"`
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
	Synced  *bool  `json:"progressSynced,omitempty"`
}

func results(a Answer) ([]result, bool) {
	var r struct{ Results []result }
	if !isType(a.Header, "application/json") || json.Unmarshal(a.Body, &r) != nil || r.Results == nil {
		return nil, false
	}
	return r.Results, true
}

func isType(h http.Header, want string) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == want
}

// isPlain: the server's bare words; a proxy on the way may have added the type.
func isPlain(h http.Header) bool { return h.Get("Content-Type") == "" || isType(h, "text/plain") }
