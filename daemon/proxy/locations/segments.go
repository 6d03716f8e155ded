package locations

import (
	"bufio"
	"bytes"
	"io"
	"net/url"
	"strings"

	"shelfkeeper/daemon/proxy/route"
)

// transcodes are playlists of segments, which a player asks for by addresses of its own.
var transcodes = route.Parse(`
GET /hls/:id/:file
`)

// WithToken returns src, the body of a transcode's playlist or of a feed, with the token
// that the player put into its address after those of segments and enclosures: it knows no
// other way to present one. Other bodies, and those of a player without such a token, stay
// as they are. In a feed the addresses are ours already.
func (r Request) WithToken(contentType string, src io.Reader, token string) io.Reader {
	if token == "" {
		return src
	}
	kind, query := typeOf(contentType), []byte("?token="+url.QueryEscape(token))
	switch {
	case transcodes.Matches(r.Method, r.Path) && strings.HasSuffix(kind, "mpegurl"):
		return &pieces{src: bufio.NewReaderSize(src, readSize), until: '\n', query: query, begins: true, fits: isSegment}
	case feedPages.Matches(r.Method, r.Path) && (strings.HasSuffix(kind, "/xml") || strings.HasSuffix(kind, "+xml")):
		one := enclosures{ours: []byte(r.ours() + "/")}
		return &pieces{src: bufio.NewReaderSize(src, readSize), until: '"', query: query, begins: true, fits: one.fits}
	}
	return src
}

// pieces adds a query to each address among the pieces of a body.
type pieces struct {
	src    *bufio.Reader
	until  byte // ends a piece
	query  []byte
	fits   func(piece []byte) bool // it is such an address
	begins bool                    // what comes is the beginning of a piece
	out    []byte
	err    error
}

// Read implements io.Reader.
func (s *pieces) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.more()
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// more reads a piece, or a part of one that is no such address for its length.
func (s *pieces) more() {
	piece, err := s.src.ReadSlice(s.until)
	whole := s.begins && (err == nil || err == io.EOF)
	s.begins = err == nil
	if err != nil && err != bufio.ErrBufferFull {
		s.err = err
	}
	address := bytes.TrimRight(piece, "\r\n\"")
	fits := s.fits(address)
	s.out = append(s.out[:0:0], piece...)
	if whole && fits {
		s.out = append(append(append(s.out[:0], address...), s.query...), piece[len(address):]...)
	}
}

// isSegment reports whether a line is the address of a segment beside its playlist,
// without a query. Readers of addresses leave out blanks and control characters, so one
// with those may be another address to them.
func isSegment(line []byte) bool {
	odd := func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("?#:\\", c) }
	return len(line) > 0 && !bytes.ContainsFunc(line, odd) && line[0] != '/'
}

// enclosures are the addresses of a feed's files and pictures, which are attributes.
type enclosures struct {
	ours  []byte // the origin and a slash
	value bool   // what comes next is the value of such an attribute
}

func (e *enclosures) fits(piece []byte) bool {
	was := e.value
	e.value = bytes.HasSuffix(piece, []byte(" url=")) || bytes.HasSuffix(piece, []byte(" href="))
	return was && bytes.HasPrefix(piece, e.ours) && bytes.Contains(piece, []byte("/feed/")) && !bytes.ContainsAny(piece, "?#&<> \t\r\n")
}
