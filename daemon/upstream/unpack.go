package upstream

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Packed is the value of Accept-Encoding with which a request asks for a packed answer.
// The answer is unpacked here, so that nobody else meets packed bytes.
const Packed = "gzip"

const (
	// maxPacking is by how much an answer may grow when it is unpacked. A list of books
	// grows by 10 to 40; a bomb by 1,000.
	maxPacking = 250
	// freePacking may be unpacked from whatever it came as.
	freePacking = 8 << 20
)

// ErrBomb is the error of an answer that grows beyond all reason when it is unpacked.
var ErrBomb = errors.New("the packed answer grows beyond all reason")

var unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// unpack unpacks the answer to a request that asked for it.
func unpack(resp *http.Response, asked *http.Request) {
	h := resp.Header
	if asked.Header.Get("Accept-Encoding") != Packed || asked.Method != http.MethodGet || resp.Body == nil {
		return
	}
	if e := h.Get("Content-Encoding"); !strings.EqualFold(e, "gzip") && !strings.EqualFold(e, "x-gzip") || len(h["Content-Encoding"]) != 1 {
		return
	}
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		h.Del("Content-Encoding")
		return
	}
	for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		h.Del(name)
	}
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("Etag", "W/"+tag) // the same state, not the same bytes
	}
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &unpacked{body: resp.Body, src: &metered{src: resp.Body}}
}

// unpacked is the body of a packed answer. It is read by one goroutine.
type unpacked struct {
	body io.Closer
	src  *metered
	zip  *gzip.Reader // nil before the first read
	out  int64
	err  error
}

// metered counts what is read.
type metered struct {
	src io.Reader
	n   int64
}

func (c *metered) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += int64(n)
	return n, err
}

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	if u.zip == nil {
		zip := unzippers.Get().(*gzip.Reader)
		if err := zip.Reset(u.src); err != nil {
			unzippers.Put(zip)
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			u.err = fmt.Errorf("unpack the answer: %w", err)
			return 0, u.err
		}
		u.zip = zip
	}
	n, err := u.zip.Read(p)
	u.out += int64(n)
	if u.out > freePacking && u.out > maxPacking*u.src.n {
		n, err = 0, ErrBomb
	}
	if err != nil {
		u.err = err
		unzippers.Put(u.zip)
		u.zip = nil
	}
	return n, err
}

// Close implements io.Closer. A reader may still be running.
func (u *unpacked) Close() error { return u.body.Close() }
