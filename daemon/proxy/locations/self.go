package locations

import (
	"bytes"
	"html"
	"io"
	"net/url"
	"regexp"

	"shelfkeeper/daemon/proxy/route"
)

// feedPages are feeds as podcast programs read them (abs: server/models/Feed.js).
var feedPages = route.Parse(`
GET /feed/:slug
`)

// maxFeedHead is how far into a feed its own address is looked for. The server
// writes it among the first lines.
const maxFeedHead = 64 << 10

var (
	atomLink = regexp.MustCompile(`<atom:link\s[^>]*>`)
	relSelf  = regexp.MustCompile(`\srel="self"`)
	linkHref = regexp.MustCompile(`\shref="([^"]*)"`)
)

// selfHost returns the host under which a feed says that it is found, as long as
// its head tells; "" for none. The server writes the host that it was asked by: with
// several addresses, or behind a gateway that hides the port, that is not the one of
// the account.
func selfHost(head []byte) string {
	for _, tag := range atomLink.FindAll(head, -1) {
		if !relSelf.Match(tag) {
			continue
		}
		href := linkHref.FindSubmatch(tag)
		if href == nil {
			continue
		}
		u, err := url.Parse(html.UnescapeString(string(href[1])))
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil {
			return u.Host
		}
	}
	return ""
}

// feed is a feed in which the addresses that it gives itself are replaced by ours.
type feed struct {
	src  io.Reader
	wrap func(src io.Reader, self string) io.Reader
	out  io.Reader // once its head is read
}

// Read implements io.Reader.
func (f *feed) Read(p []byte) (int, error) {
	if f.out == nil {
		head := make([]byte, 0, 4<<10)
		var err error
		self := ""
		for self == "" && err == nil && len(head) < maxFeedHead {
			var n int
			piece := make([]byte, 4<<10)
			n, err = f.src.Read(piece)
			head = append(head, piece[:n]...)
			self = selfHost(head)
		}
		rest := f.src
		if err != nil {
			rest = failing{err}
		}
		f.out = f.wrap(io.MultiReader(bytes.NewReader(head), rest), self)
	}
	return f.out.Read(p)
}

// failing ends a body as it ended before; io.EOF is a good end.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
