package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// jsonFormat is the number of the shape that --json prints. It grows when a key
// goes or changes its meaning; keys that are new do not change it.
const jsonFormat = 1

// writeJSON prints v, which is an object in JSON, as one line with the number of
// the format in front.
func (e *env) writeJSON(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	inner, ok := bytes.CutPrefix(raw, []byte("{"))
	if !ok {
		return errors.New("write JSON: it is no object")
	}
	line := fmt.Appendf(nil, `{"format":%d`, jsonFormat)
	if !bytes.Equal(inner, []byte("}")) {
		line = append(line, ',')
	}
	_, err = unfiltered(e.stdout).Write(append(append(line, inner...), '\n'))
	return err
}

// jsonDone is what --json prints for a command that has only done something.
type jsonDone struct {
	Done string `json:"done"`
}

// jsonError is what --json prints for a command that failed.
type jsonError struct {
	Error *problem.Problem `json:"error"`
}

// done says what a command has done, unless it is to be quiet.
func (e *env) done(format string, args ...any) error {
	sentence := fmt.Sprintf(format, args...)
	switch {
	case e.json:
		return e.writeJSON(jsonDone{sentence})
	case e.quiet:
		return nil
	}
	_, err := io.WriteString(e.stdout, folded(sentence+"\n", e.width()))
	return err
}

// did is done for what shows by itself: only JSON says it.
func (e *env) did(sentence string) error {
	if !e.json {
		return nil
	}
	return e.done("%s", sentence)
}

// address prints an address that was asked for.
func (e *env) address(url string) error {
	if e.json {
		return e.writeJSON(map[string]any{"url": url})
	}
	_, err := fmt.Fprintln(e.stdout, url)
	return err
}

// colours reports whether stdout shows colours: a terminal that nobody asked to be
// plain (https://no-color.org).
func (e *env) colours() bool {
	f, ok := file(e.stdout)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// painted is a level as a terminal shows it.
func painted(level health.Level, colours bool) string {
	code := ""
	switch level {
	case health.OK:
		code = "32"
	case health.Degraded, health.Offline:
		code = "33"
	case health.NeedsUser:
		code = "31"
	}
	if !colours || code == "" {
		return level.String()
	}
	return "\x1b[" + code + "m" + level.String() + "\x1b[0m"
}

// span is a length of time as people say it: the two units that matter.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	two := func(n int, unit string, m int, smaller string) string {
		if m == 0 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		return fmt.Sprintf("%d %s %d %s", n, unit, m, smaller)
	}
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < 10*time.Minute:
		return two(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < day:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	case d < 2*day:
		return two(1, "day", int(d%day/time.Hour), "h")
	case d < 10*day:
		return two(int(d/day), "days", int(d%day/time.Hour), "h")
	}
	return fmt.Sprintf("%d days", int(d/day))
}
