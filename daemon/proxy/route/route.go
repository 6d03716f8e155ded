// Package route tells by method and path what a request asks for, as the
// Audiobookshelf server reads them.
package route

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Set is a set of method and path shapes, by the number of segments. In a
// shape ":x" stands for any one segment, a last "*" for any rest. As in
// Express, case and one slash at the end do not matter (measured on 2.36.0),
// and GET allows HEAD.
type Set struct {
	exact [][]route // by the number of segments
	open  []route   // those that end in "*"
	// first and second are the letters with which these segments may begin. Most sets have
	// nothing that begins as a path does.
	first, second letters
}

// letters is a set of letters whatever their case, and of some other bytes.
type letters uint32

// anyLetter is a segment of which nothing is known.
const anyLetter = ^letters(0)

// letterOf returns the letter with which a segment begins. Letters beyond ASCII may have
// the case of another one.
func letterOf(segment string) letters {
	if segment == "" || segment[0] == ':' || segment[0] >= utf8.RuneSelf {
		return anyLetter
	}
	return 1 << (segment[0] & 31)
}

type route struct {
	method   string // "" is any
	segments []string
}

// Parse returns the routes of list: a method, or ANY, and a shape in each line.
func Parse(list string) Set {
	var r Set
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			continue
		}
		one := route{method: fields[0], segments: Segments(fields[1])}
		if one.method == "ANY" {
			one.method = ""
		}
		if n := len(one.segments); n > 0 && one.segments[n-1] == "*" {
			one.segments = one.segments[:n-1]
			r.open = append(r.open, one)
			r.learn(append(slices.Clone(one.segments), ":rest", ":rest"))
			continue
		}
		for len(r.exact) <= len(one.segments) {
			r.exact = append(r.exact, nil)
		}
		r.exact[len(one.segments)] = append(r.exact[len(one.segments)], one)
		r.learn(one.segments)
	}
	return r
}

// learn takes in with which letters a route begins.
func (set *Set) learn(segments []string) {
	if len(segments) > 0 {
		set.first |= letterOf(segments[0])
	}
	if len(segments) > 1 {
		set.second |= letterOf(segments[1])
	}
}

// Segments returns the segments of path.
func Segments(path string) []string {
	if path = inner(path); path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// inner returns path without the slashes around it.
func inner(path string) string { return strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/") }

// Matches reports whether a route of the set fits. A request meets dozens of sets, so
// this takes the path apart without a copy of it.
func (set *Set) Matches(method, path string) bool {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path = inner(path)
	n := 0
	if path != "" {
		if set.first&letterOf(path) == 0 {
			return false
		}
		end := strings.IndexByte(path, '/')
		if end >= 0 && set.second&letterOf(path[end+1:]) == 0 {
			return false
		}
		n = strings.Count(path, "/") + 1
	}
	if n < len(set.exact) {
		for i := range set.exact[n] {
			if set.exact[n][i].fits(method, path) {
				return true
			}
		}
	}
	for i := range set.open {
		if r := &set.open[i]; n >= len(r.segments) && r.fits(method, path) {
			return true
		}
	}
	return false
}

// fits reports whether the first segments of path are those of r. path has at least as
// many.
func (r *route) fits(method, path string) bool {
	if r.method != "" && r.method != method {
		return false
	}
	for _, want := range r.segments {
		have, rest, _ := strings.Cut(path, "/")
		if want[0] != ':' && !strings.EqualFold(want, have) {
			return false
		}
		path = rest
	}
	return true
}
