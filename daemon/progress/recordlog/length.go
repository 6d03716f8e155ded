package recordlog

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"

	"shelfkeeper/daemon/durable"
)

// The sums of the lines do not show that a file was cut between two of them. So each
// file has a name of its own in its first line, and a second file beside it says how
// many records the file of that name has. The second file is written after the
// records are durable, so a power cut leaves a number that is too small at most.
// Where it is missing, or names another file, nothing is known.

// mark begins the first line of a file. Versions that know no such line take it for
// a record that removes nothing.
const mark = `{"removed":{},"file":"`

func newID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

func markOf(id string) []byte { return []byte(mark + id + `"}`) }

// readMark returns the name of the file that a first line tells.
func readMark(record []byte) (id string, ok bool) {
	rest, ok := bytes.CutPrefix(record, []byte(mark))
	if !ok {
		return "", false
	}
	rest, ok = bytes.CutSuffix(rest, []byte(`"}`))
	return string(rest), ok
}

func (l *Log) lengthPath() string { return l.path + ".length" }

// maxLength is more than the second file has.
const maxLength = 64

// readLength returns how many records the file of that name had; 0 where that is
// unknown.
func (l *Log) readLength(id string) int {
	if id == "" || durable.Regular(l.lengthPath()) != nil {
		return 0
	}
	b, err := os.ReadFile(l.lengthPath())
	if err != nil || len(b) > maxLength {
		return 0
	}
	of, number, _ := bytes.Cut(bytes.TrimSpace(b), []byte(" "))
	n, err := strconv.Atoi(string(number))
	if err != nil || string(of) != id {
		return 0
	}
	return n
}

// writeLength says how many records are durable. Without it a cut shows only where
// it goes through a line, and everything else works.
func (l *Log) writeLength() {
	if l.length == nil {
		if durable.Regular(l.lengthPath()) != nil {
			return
		}
		f, err := os.OpenFile(l.lengthPath(), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return
		}
		l.length = f
	}
	text := fmt.Sprintf("%s %d", l.id, l.records)
	_, _ = l.length.WriteAt(fmt.Appendf(nil, "%-*s\n", maxLength-1, text), 0) // of one length, so that nothing is left behind it
}

func (l *Log) closeLength() error {
	if l.length == nil {
		return nil
	}
	err := l.length.Close()
	l.length = nil
	return err
}

// removeLength closes and deletes the second file.
func (l *Log) removeLength() error {
	err := l.closeLength()
	if durable.Regular(l.lengthPath()) != nil {
		return err
	}
	if gone := os.Remove(l.lengthPath()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
