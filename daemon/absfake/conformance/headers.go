package conformance

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// watched are the headers that the recorder kept of every answer.
var watched = []string{
	"Content-Type", "Content-Length", "Etag", "Set-Cookie", "Cache-Control", "Accept-Ranges", "Last-Modified", "Location", "Vary",
	"Content-Range", "Ratelimit-Policy", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset", "Retry-After",
	"Access-Control-Allow-Origin", "Content-Disposition", "Www-Authenticate", "Referrer-Policy", "Content-Security-Policy",
}

// The recorder kept these only now and then, depending on its own connection.
var unwatched = []string{"Connection", "Keep-Alive", "Date"}

func (c *comparison) headers(k *Case, answer *http.Response, body []byte) {
	want := map[string][]string{}
	for name, v := range k.Response.Headers {
		name = http.CanonicalHeaderKey(name)
		switch v := v.(type) {
		case string:
			want[name] = []string{v}
		case []any:
			for _, e := range v {
				want[name] = append(want[name], fmt.Sprint(e))
			}
		}
	}
	if _, chunked := want["Transfer-Encoding"]; chunked {
		delete(want, "Transfer-Encoding")
		if !slices.Contains(answer.TransferEncoding, "chunked") {
			c.differ("the answer is not chunked, the recorded one was")
		}
	}
	names := slices.Concat(watched, slices.Sorted(maps.Keys(want)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if slices.Contains(unwatched, name) {
			continue
		}
		if k.Response.Status == http.StatusRequestHeaderFieldsTooLarge && name == "Content-Length" {
			continue // Node says nothing there, and net/http must
		}
		got := answer.Header.Values(name)
		if len(got) != len(want[name]) {
			if recordedOnDemand(name) && len(want[name]) == 0 {
				continue
			}
			c.differ("%s is %.200q, recorded %.200q", name, got, want[name])
			continue
		}
		for i := range got {
			c.header(k, name, want[name][i], got[i], body)
		}
	}
}

// recordedOnDemand are headers that the recorder kept only where they told
// something.
func recordedOnDemand(name string) bool {
	return name == "Referrer-Policy" || name == "Content-Security-Policy"
}

var (
	etagOfBody = regexp.MustCompile(`^W/"([0-9a-f]+)-[A-Za-z0-9+/]{27}"$`)
	// millisecond is a time in a body: thirteen digits, until the year 2286.
	millisecond = regexp.MustCompile(`\b[0-9]{13}\b`)

	etagOfFile = regexp.MustCompile(`^W/"([0-9a-f]+)-[0-9a-f]{9,12}"$`)
)

func (c *comparison) header(k *Case, name, want, got string, body []byte) {
	switch name {
	case "Etag":
		if want != got {
			c.literal(want, got)
			c.etag(k, want, got)
		}
	case "Content-Length":
		if want != got && !lengthUnknown(k) {
			c.differ("Content-Length is %s, recorded %s", got, want)
		}
		if n, err := strconv.Atoi(got); len(body) > 0 && (err != nil || n != len(body)) {
			c.differ("Content-Length is %s for %d bytes", got, len(body))
		}
	case "Ratelimit-Reset", "Retry-After":
		c.seconds(k, name, want, got)
	default:
		if wrong := c.matchText(want, got, c.said); wrong != "" {
			c.differ("%s %s", name, wrong)
		}
	}
}

// etag compares the length that both kinds of ETag begin with; the rest is a
// hash over identities, or a time.
func (c *comparison) etag(k *Case, want, got string) {
	for _, kind := range []*regexp.Regexp{etagOfBody, etagOfFile} {
		w, g := kind.FindStringSubmatch(want), kind.FindStringSubmatch(got)
		if w == nil {
			continue
		}
		if g == nil || (w[1] != g[1] && !lengthUnknown(k)) {
			break
		}
		if kind == etagOfBody && !lengthUnknown(k) && !identity.MatchString(c.known(k)) && !millisecond.MatchString(c.known(k)) {
			break // nothing in that body could differ
		}
		return
	}
	c.differ("ETag is %s, recorded %s", got, want)
}

func (c *comparison) known(k *Case) string {
	if k.Request.Method == http.MethodHead || k.Response.Status == http.StatusNotModified {
		return "<access:?>"
	}
	return string(plain(k.Response.Body))
}

// lengthUnknown tells whether the answer holds paths of the recorder's machine,
// whose length the recording does not tell. They are in every serverSettings.
func lengthUnknown(k *Case) bool {
	body := string(plain(k.Response.Body))
	for _, part := range []string{"<media>", "<metadata>", "<config>", `"serverSettings"`, `"libraryItem"`} {
		if strings.Contains(body, part) {
			return true
		}
	}
	return k.Response.Status == http.StatusNotModified
}

// seconds compares a number of seconds that is left of a window: it may be one
// less or more, depending on when within a second the window began.
func (c *comparison) seconds(k *Case, name, want, got string) {
	w, err1 := strconv.Atoi(want)
	g, err2 := strconv.Atoi(got)
	if err1 != nil || err2 != nil || g < 0 {
		c.differ("%s is %q, recorded %q", name, got, want)
		return
	}
	if policy, _ := k.Response.Headers["ratelimit-policy"].(string); policy != "" {
		if _, window, ok := strings.Cut(policy, ";w="); ok {
			if n, err := strconv.Atoi(window); err == nil && (g > n || abs(g-w) > n/4+2) {
				c.differ("%s is %d of a window of %d s, recorded %d", name, g, n, w)
			}
		}
	}
}

func abs(n int) int { return max(n, -n) }
