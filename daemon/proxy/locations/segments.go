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

// WithToken returns src, the body of a transcode's playlist, with the token that the
// player put into its address after each segment's: it knows no other way to present one.
// Other bodies, and those of a player without such a token, stay as they are.
func (r Request) WithToken(contentType string, src io.Reader, token string) io.Reader {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	if token == "" || !transcodes.Matches(r.Method, r.Path) || !strings.HasSuffix(strings.TrimSpace(kind), "mpegurl") {
		return src
	}
	return &segments{src: bufio.NewReaderSize(src, readSize), query: []byte("?token=" + url.QueryEscape(token)), begins: true}
}

// segments adds a query to each line that is an address without one.
type segments struct {
	src    *bufio.Reader
	query  []byte
	begins bool // what comes is the beginning of a line
	out    []byte
	err    error
}

func (s *segments) Read(p []byte) (int, error) {
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

// more reads a line, or a part of one that is no address of a segment for its length.
func (s *segments) more() {
	line, err := s.src.ReadSlice('\n')
	whole := s.begins && (err == nil || err == io.EOF)
	s.begins = err == nil
	if err != nil && err != bufio.ErrBufferFull {
		s.err = err
	}
	address := bytes.TrimRight(line, "\r\n")
	s.out = append(s.out[:0:0], line...)
	if whole && isSegment(address) {
		s.out = append(append(append(s.out[:0], address...), s.query...), line[len(address):]...)
	}
}

// isSegment reports whether a line is the address of a segment beside its playlist,
// without a query.
func isSegment(line []byte) bool {
	return len(line) > 0 && !bytes.ContainsAny(line, "?#:\\") && line[0] != '/'
}
