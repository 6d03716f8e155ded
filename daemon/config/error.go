package config

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// Error is what is wrong with the configuration, and where. It never shows
// the value of a header or a proxy's address, since both may be secret.
type Error struct {
	File   string
	Line   int    // from 1; 0 when the file as a whole is meant
	Column int    // from 1, in bytes; 0 when unknown
	Key    string // dotted from the top of the file; "" when none is concerned
	Msg    string // what is wrong, and where it helps, what would be right

	err error
}

// Error returns `FILE:LINE:COLUMN: KEY: MESSAGE`, without the parts that are
// unknown; editors and terminals jump to that form.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	for _, n := range []int{e.Line, e.Column} {
		if n == 0 {
			break
		}
		b.WriteString(":" + strconv.Itoa(n))
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Unwrap returns the error of the operating system, if that is the cause.
func (e *Error) Unwrap() error { return e.err }

// reason is err without the path, which Error shows already.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Op + ": " + pe.Err.Error()
	}
	return err.Error()
}

// dotted writes a key the way the user would write it in the file.
func dotted(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		if isBare(p) {
			parts[i] = p
		} else {
			parts[i] = strconv.Quote(p)
		}
	}
	return strings.Join(parts, ".")
}

func isBare(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	}) < 0
}
