// Package route tells by method and path what a request asks for, as the
// Audiobookshelf server reads them.
package route

import (
	"net/http"
	"strings"
)

// Set is a set of method and path shapes, by the number of segments. In a
// shape ":x" stands for any one segment, a last "*" for any rest. As in
// Express, case and one slash at the end do not matter (measured on 2.36.0),
// and GET allows HEAD.
type Set struct {
	exact map[int][]route
	open  []route // those that end in "*"
}

type route struct {
	method   string // "" is any
	segments []string
}

// Parse returns the routes of list: a method, or ANY, and a shape in each line.
func Parse(list string) Set {
	r := Set{exact: make(map[int][]route)}
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
			continue
		}
		r.exact[len(one.segments)] = append(r.exact[len(one.segments)], one)
	}
	return r
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
func (set Set) Matches(method, path string) bool {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path = inner(path)
	n := 0
	if path != "" {
		n = strings.Count(path, "/") + 1
	}
	for i := range set.exact[n] {
		if set.exact[n][i].fits(method, path) {
			return true
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
