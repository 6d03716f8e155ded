// Package logbook is the program's log: sentences for a person, one line for
// each change.
//
// A line goes to stderr and, from the daemon, to a file of its own in the state
// directory, since a program that a desktop starts has no terminal. Whatever a line
// is made of passes through package redact, and is bounded. A disk that is full,
// read-only or silent costs lines, and nothing else: the daemon never waits for it.
package logbook

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"shelfkeeper/daemon/redact"
)

const (
	// maxValue and maxLine bound what foreign texts make of a line.
	maxValue = 500
	maxLine  = 2000
)

// Sink takes one line without its end.
type Sink func(at time.Time, level slog.Level, text string)

// Handler makes a sentence of a record: the account, what happened, why, what to do,
// and the rest in brackets.
type Handler struct {
	sink  Sink
	level slog.Leveler
	parts parts
	group string
}

// parts are the pieces of a sentence.
type parts struct {
	account, reason, remedy string
	rest                    []string
}

// NewHandler returns a Handler for records of at least that level.
func NewHandler(level slog.Leveler, sink Sink) *Handler { return &Handler{sink: sink, level: level} }

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// Handle implements slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	p := h.parts
	p.rest = p.rest[:len(p.rest):len(p.rest)]
	r.Attrs(func(a slog.Attr) bool { p.add(h.group, a); return true })
	var b strings.Builder
	if p.account != "" {
		b.WriteString(p.account + ": ")
	}
	b.WriteString(clean(r.Message))
	if p.reason != "" {
		b.WriteString(": " + p.reason)
	}
	if p.remedy != "" {
		b.WriteString(" → " + p.remedy)
	}
	if len(p.rest) > 0 {
		b.WriteString(" (" + strings.Join(p.rest, ", ") + ")")
	}
	h.sink(r.Time, r.Level, cut(b.String(), maxLine))
	return nil
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.parts.rest = next.parts.rest[:len(next.parts.rest):len(next.parts.rest)]
	for _, a := range attrs {
		next.parts.add(h.group, a)
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.group += name + "."
	return &next
}

func (p *parts) add(group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, one := range v.Group() {
			p.add(group, one)
		}
		return
	}
	text := clean(v.String())
	switch {
	case text == "":
	case group == "" && a.Key == "account":
		p.account = text
	case group == "" && a.Key == "reason":
		p.reason = text
	case group == "" && a.Key == "remedy":
		p.remedy = text
	default:
		p.rest = append(p.rest, group+a.Key+"="+text)
	}
}

// clean returns a text on one line, without what looks like a secret.
func clean(s string) string {
	s = redact.Text(cut(s, 4*maxValue))
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return cut(strings.TrimSpace(s), maxValue)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
