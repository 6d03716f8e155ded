package proxy

import (
	"bytes"
	"io"
	"net/http"

	"shelfkeeper/daemon/proxy/route"
)

// userRoutes answer with the caller's own user object.
var userRoutes = route.Parse(`
POST /api/authorize
GET  /api/me
`)

// oldToken is what the server writes into the user object of whoever shows the
// token that never expires, as an account of ours may (abs:
// server/models/User.js). The web client then insists on its sign-in page
// (client/pages/login.vue), which is not how one gets on with such an account.
// Quotes within a text are escaped, so these bytes are never part of one.
var (
	oldToken   = []byte(`"isOldToken":true`)
	youngToken = []byte(`"isOldToken":false`)
)

// asYoung returns the body of a user's answer with the user's token called a
// new one: what the caller holds is a token of ours.
func asYoung(c *call, src io.Reader) io.Reader {
	if c.r.Method == http.MethodHead || !userRoutes.Matches(c.r.Method, c.path) {
		return src
	}
	return &youth{src: src}
}

// youth replaces oldToken in a body as it goes by. Where it is not, the bytes stay in the
// place to which they were asked to be read.
type youth struct {
	src  io.Reader
	tail []byte // undecided: the beginning of oldToken
	out  []byte // decided, and not returned yet
	home []byte // where out lies
	err  error
}

// oldTokenRare is the part of oldToken that is searched for: it begins with a rare letter.
var oldTokenRare = oldToken[bytes.IndexByte(oldToken, 'O'):]

// Read implements io.Reader.
func (y *youth) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(y.out) == 0 {
		if y.err != nil {
			return 0, y.err
		}
		if n := y.more(p); n > 0 {
			return n, nil
		}
	}
	n := copy(p, y.out)
	y.out = y.out[n:]
	return n, nil
}

// more reads on and decides all but what may be the beginning of oldToken. It returns how
// many bytes of p are decided, or puts them into out.
func (y *youth) more(p []byte) int {
	room := p
	if len(room) < 2*len(oldToken) {
		room = make([]byte, 2*len(oldToken))
	}
	held := copy(room, y.tail)
	n, err := y.src.Read(room[held:])
	y.err = err
	rest, out := room[:held+n], y.home[:0]
	for from := 0; ; {
		i := bytes.Index(rest[from:], oldTokenRare)
		if i < 0 {
			break
		}
		from += i + len(oldTokenRare)
		if before := from - len(oldToken); before >= 0 && bytes.HasPrefix(rest[before:], oldToken) {
			out = append(append(out, rest[:before]...), youngToken...)
			rest, from = rest[from:], 0
		}
	}
	keep := 0
	if err == nil {
		keep = beginning(rest, oldToken)
	}
	y.tail = append(y.tail[:0], rest[len(rest)-keep:]...)
	rest = rest[:len(rest)-keep]
	if len(out) == 0 && len(p) == len(room) {
		return len(rest)
	}
	y.home = append(out, rest...)
	y.out = y.home
	return 0
}

// beginning returns the length of the longest end of b that whole begins with.
func beginning(b, whole []byte) int {
	for n := min(len(b), len(whole)-1); n > 0; n-- {
		if bytes.HasSuffix(b, whole[:n]) {
			return n
		}
	}
	return 0
}
