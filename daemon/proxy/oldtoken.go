package proxy

import (
	"bytes"
	"io"
	"net/http"
	"slices"

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

const youthRead = 16 << 10

// youth replaces oldToken in a body as it goes by.
type youth struct {
	src  io.Reader
	buf  []byte // read and not decided
	out  []byte // decided
	home []byte // where out lies
	err  error
}

// Read implements io.Reader.
func (y *youth) Read(p []byte) (int, error) {
	for len(y.out) == 0 {
		if y.err != nil {
			return 0, y.err
		}
		y.more()
	}
	n := copy(p, y.out)
	y.out = y.out[n:]
	return n, nil
}

// more reads on and decides all but what may be the beginning of oldToken.
func (y *youth) more() {
	old := len(y.buf)
	y.buf = slices.Grow(y.buf, youthRead)
	n, err := y.src.Read(y.buf[old : old+youthRead])
	y.buf, y.err = y.buf[:old+n], err
	rest, out := y.buf, y.home[:0]
	for {
		i := bytes.Index(rest, oldToken)
		if i < 0 {
			break
		}
		out = append(append(out, rest[:i]...), youngToken...)
		rest = rest[i+len(oldToken):]
	}
	keep := 0
	if err == nil {
		keep = beginning(rest, oldToken)
	}
	y.home = append(out, rest[:len(rest)-keep]...)
	y.out = y.home
	y.buf = y.buf[:copy(y.buf, rest[len(rest)-keep:])]
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
