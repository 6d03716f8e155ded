package recordlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// A line is the checksum of the record and its length, both as eight hex digits,
// the record, and a line feed. Records hold no line feed; JSON text has none.
const headBytes = 8 + 1 + 8 + 1

var table = crc32.MakeTable(crc32.Castagnoli)

func appendLine(out, record []byte) []byte {
	out = fmt.Appendf(out, "%08x %08x ", crc32.Checksum(record, table), len(record))
	return append(append(out, record...), '\n')
}

// reader reads the lines of a file.
type reader struct {
	apply func(record []byte, lost int) error

	id      string // of the file
	records int
	lost    int   // places at which no record could be read
	end     int64 // behind the last whole line
	unended bool  // the last record is whole, but its line feed is missing
}

// read reads lines until the file ends. Only an error of reading ends it early.
func (r *reader) read(in io.Reader) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	var at int64
	for {
		part, err := lines.ReadSlice('\n')
		at += int64(len(part))
		if len(line) <= headBytes+MaxRecord {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil:
			r.line(bytes.TrimSuffix(line, []byte("\n")))
			r.end = at
		case errors.Is(err, io.EOF):
			r.tail(line, at)
			return nil
		default:
			return err
		}
		line = line[:0]
	}
}

// line reads what lies between two line feeds. It should be one record, but
// damage may have removed a line feed.
func (r *reader) line(line []byte) {
	for {
		record, rest, ok := split(line)
		if !ok {
			r.lost++
			return
		}
		r.record(record)
		if len(rest) == 0 {
			return
		}
		r.lost++ // at least the line feed
		line = rest[1:]
	}
}

// tail reads what lies behind the last line feed. A record that is whole counts.
// The beginning of one is what a crash left of a write that had not ended. Anything
// else is damage: a sector of zeros there may have been several records.
func (r *reader) tail(line []byte, at int64) {
	if len(line) == 0 {
		return
	}
	record, rest, ok := split(line)
	if !ok {
		if !begins(line) {
			r.lost++
		}
		return
	}
	r.record(record)
	r.end, r.unended = at-int64(len(rest)), true
}

// begins reports whether a line may begin so, and is not whole.
func begins(line []byte) bool {
	const head = "xxxxxxxx xxxxxxxx "
	for i := range min(len(line), headBytes) {
		if isHex := line[i] >= '0' && line[i] <= '9' || line[i] >= 'a' && line[i] <= 'f'; isHex != (head[i] == 'x') || !isHex && line[i] != ' ' {
			return false
		}
	}
	if len(line) < headBytes {
		return true
	}
	n, err := strconv.ParseUint(string(line[9:17]), 16, 32)
	body := line[headBytes:]
	return err == nil && n <= MaxRecord && uint64(len(body)) < n && bytes.IndexByte(body, 0) < 0
}

func (r *reader) record(record []byte) {
	if id, ok := readMark(record); ok {
		if r.records == 0 && r.lost == 0 {
			r.id = id
		}
		return
	}
	if r.apply(record, r.lost) != nil {
		r.lost++
		return
	}
	r.records++
}

// split returns the record at the beginning of line, and what follows it.
func split(line []byte) (record, rest []byte, ok bool) {
	if len(line) < headBytes {
		return nil, nil, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	if err != nil {
		return nil, nil, false
	}
	is := func(record []byte) bool { return crc32.Checksum(record, table) == uint32(sum) }
	body := line[headBytes:]
	if n, err := strconv.ParseUint(string(line[9:17]), 16, 32); err == nil && n <= uint64(len(body)) && is(body[:n]) {
		return body[:n], body[n:], true
	}
	// The length may be what was damaged.
	if is(body) {
		return body, nil, true
	}
	return nil, nil, false
}
