package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// outline is the shape of a file: where each key stands, and what does not
// belong there. The decoder gives positions for syntax only and speaks of Go
// types; this pass is what lets every later complaint name a line.
type outline struct {
	file   string
	data   []byte
	places map[string]unstable.Position

	parser unstable.Parser
	table  []string // the table that the expressions now read belong to
	end    int      // offset behind the last whole expression
	wrong  *Error   // the first key that is unknown or of the wrong type
}

// newOutline reads as far as the syntax allows.
func newOutline(file string, data []byte) *outline {
	o := &outline{file: file, data: data, places: map[string]unstable.Position{}}
	o.parser.Reset(data)
	for o.parser.NextExpression() {
		e := o.parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			o.table = o.key(e, nil)
			o.visit(e, o.table, e.Kind)
		case unstable.KeyValue:
			o.keyValue(e, o.table)
		}
	}
	return o
}

func (o *outline) keyValue(n *unstable.Node, parent []string) {
	path, value := o.key(n, parent), n.Value()
	o.reach(value)
	if value.Kind != unstable.InlineTable {
		o.visit(n, path, value.Kind)
		return
	}
	o.visit(n, path, unstable.Table)
	for it := value.Children(); it.Next(); {
		o.keyValue(it.Node(), path)
	}
}

// visit notes where path stands and compares it with the schema.
func (o *outline) visit(n *unstable.Node, path []string, got unstable.Kind) {
	keys := n.Key()
	keys.Next()
	place := o.parser.Shape(keys.Node().Raw).Start
	o.places[joined(path)] = place
	if o.wrong != nil {
		return
	}
	switch want, known := kindOf(path); {
	case !known:
		o.wrong = o.errorAt(place, path, "unknown key"+advice(path))
	case want != got:
		o.wrong = o.errorAt(place, path, "must be "+kindName(want)+", not "+kindName(got))
	}
}

func (o *outline) key(n *unstable.Node, parent []string) []string {
	path := slices.Clone(parent)
	for it := n.Key(); it.Next(); {
		o.reach(it.Node())
		path = append(path, string(it.Node().Data))
	}
	return path
}

func (o *outline) reach(n *unstable.Node) {
	o.end = max(o.end, int(n.Raw.Offset+n.Raw.Length))
}

func (o *outline) errorAt(p unstable.Position, path []string, msg string) *Error {
	return &Error{File: o.file, Line: p.Line, Column: p.Column, Key: dotted(path), Msg: msg}
}

// complain returns the error for a key that was read; a key that was not
// (which no caller should ask for) gets one without a line.
func (o *outline) complain(msg string, path ...string) *Error {
	return o.errorAt(o.places[joined(path)], path, msg)
}

// firstOf returns an error without a message for the first key at or below
// path.
func (o *outline) firstOf(path ...string) *Error {
	at, below := joined(path), joined(path)+"\x00"
	var first *Error
	for key, place := range o.places {
		if key != at && !strings.HasPrefix(key, below) {
			continue
		}
		if e := o.errorAt(place, path, ""); first == nil || e.Line < first.Line {
			first = e
		}
	}
	if first == nil {
		return o.errorAt(unstable.Position{}, path, "")
	}
	return first
}

// syntaxError turns the parser's own error into ours, or returns nil.
func (o *outline) syntaxError() *Error {
	err := o.parser.Error()
	if err == nil {
		return nil
	}
	path := o.brokenPath()
	e := &Error{File: o.file, Key: dotted(path), Msg: err.Error()}
	if mayHoldSecret(path) {
		// The parser quotes the character it stumbled over.
		e.Msg = "is not closed or not a text in quotes"
	}
	var pe *unstable.ParserError
	if errors.As(err, &pe) {
		p := o.parser.Shape(o.parser.Range(pe.Highlight)).Start
		e.Line, e.Column = p.Line, p.Column
	}
	return e
}

// brokenPath names the key of the first expression that could not be read. It
// is taken from the start of that expression and not from the line of the
// error: behind an unclosed quote that line may be a piece of a secret.
func (o *outline) brokenPath() []string {
	rest := o.data[min(o.end, len(o.data)):]
	if o.end > 0 { // the line of the last whole expression holds no other
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	for line := range bytes.Lines(rest) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		table, whole := o.table, true
		if header, ok := strings.CutPrefix(text, "["); ok {
			table, text = nil, strings.TrimRight(header, "[]")
		} else {
			text, _, whole = strings.Cut(text, "=")
		}
		path := slices.Clone(table)
		for part := range strings.SplitSeq(text, ".") {
			path = append(path, strings.Trim(strings.TrimSpace(part), `"'`))
		}
		// Only a key that exists is shown, and among headers, where any name
		// may exist, only one with its equals sign: what stands alone on a
		// line may be a value whose key was lost.
		_, known := kindOf(path)
		if known && isBare(path[len(path)-1]) && (whole || !mayHoldSecret(path)) {
			return path
		}
		break
	}
	return o.table
}

func joined(path []string) string { return strings.Join(path, "\x00") }

func kindName(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a text in quotes"
	case unstable.Integer:
		return "a whole number"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.Bool:
		return "true or false"
	case unstable.Table:
		return "a table"
	case unstable.ArrayTable:
		return "a list of tables ([[…]])"
	case unstable.Array:
		return "a list"
	case unstable.LocalDate, unstable.LocalTime, unstable.LocalDateTime, unstable.DateTime:
		return "a date or time"
	}
	return "something else"
}
