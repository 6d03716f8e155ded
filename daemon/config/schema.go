package config

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// schema lists every key that holds a value, and the type it must have; "*"
// stands for a name of the user's choice. Tables follow from it.
var schema = []struct {
	path []string
	kind unstable.Kind
}{
	{[]string{"log_level"}, unstable.String},
	{[]string{"listen"}, unstable.Integer},
	{[]string{"page_port"}, unstable.Integer},
	{[]string{"listen_extra"}, unstable.Array},
	{[]string{"listen_extra_http"}, unstable.Array},
	{[]string{"listen_extra_cert"}, unstable.String},
	{[]string{"listen_extra_key"}, unstable.String},
	{[]string{"extra_hosts"}, unstable.Array},
	{[]string{"trusted_origins"}, unstable.Array},
	{[]string{"local_access"}, unstable.String},
	{[]string{"store"}, unstable.String},
	{[]string{"user_agent"}, unstable.String},
	{[]string{"notifications"}, unstable.Bool},
	{[]string{"icon_click"}, unstable.String},
	{[]string{"upstream", "ca_file"}, unstable.String},
	{[]string{"upstream", "proxy"}, unstable.String},
	{[]string{"upstream", "headers", "*"}, unstable.String},
	{[]string{"upstream", "headers_for"}, unstable.Array},
	{[]string{"upstream", "addresses"}, unstable.Array},
	{[]string{"upstream", "trust_http"}, unstable.Bool},
	{[]string{"accounts", "*", "listen"}, unstable.Integer},
	{[]string{"accounts", "*", "upstream", "ca_file"}, unstable.String},
	{[]string{"accounts", "*", "upstream", "proxy"}, unstable.String},
	{[]string{"accounts", "*", "upstream", "headers", "*"}, unstable.String},
	{[]string{"accounts", "*", "upstream", "headers_for"}, unstable.Array},
	{[]string{"accounts", "*", "upstream", "addresses"}, unstable.Array},
	{[]string{"accounts", "*", "upstream", "trust_http"}, unstable.Bool},
}

// kindOf returns the type the value at path must have (unstable.Table for a
// table) and reports whether the path is known at all. Case matters, as TOML
// says; the decoder by itself would take LISTEN for listen.
func kindOf(path []string) (unstable.Kind, bool) {
	for _, s := range schema {
		if !covers(s.path, path) {
			continue
		}
		if len(s.path) == len(path) {
			return s.kind, true
		}
		return unstable.Table, true
	}
	return unstable.Invalid, false
}

// mayHoldSecret reports whether what stands at path is never to be shown.
func mayHoldSecret(path []string) bool {
	return slices.Contains(path, "headers") || slices.Contains(path, "proxy")
}

// covers reports whether path is the beginning or the whole of pattern.
func covers(pattern, path []string) bool {
	return len(path) <= len(pattern) && !slices.ContainsFunc(zip(pattern, path), func(p [2]string) bool {
		return p[0] != "*" && p[0] != p[1]
	})
}

func zip(a, b []string) [][2]string {
	out := make([][2]string, min(len(a), len(b)))
	for i := range out {
		out[i] = [2]string{a[i], b[i]}
	}
	return out
}

// advice says what an unknown key may have been meant to be: the nearest key
// there is, or when none is near, all that could stand in its place.
func advice(path []string) string {
	best, bestScore := "", 1<<30
	var here []string
	for _, s := range schema {
		for n := 1; n <= len(s.path); n++ {
			if s.path[n-1] == "*" {
				continue
			}
			candidate := slices.Clone(s.path[:n])
			for i, part := range candidate {
				if part == "*" {
					candidate[i] = "NAME"
					if i < len(path) {
						candidate[i] = path[i]
					}
				}
			}
			if score, near := compare(path, candidate); near && score < bestScore {
				best, bestScore = dotted(candidate), score
			}
			if n == len(path) && covers(s.path, path[:n-1]) && !slices.Contains(here, s.path[n-1]) {
				here = append(here, s.path[n-1])
			}
		}
	}
	switch {
	case best != "":
		return "; did you mean " + best + "?"
	case len(here) > 0:
		return "; known here: " + strings.Join(here, ", ")
	}
	return ""
}

// compare scores how far path is from candidate, and reports whether it is
// near enough to be a slip: a misspelt key in the right place, or a key spelt
// right in the wrong place.
func compare(path, candidate []string) (score int, near bool) {
	last, want := path[len(path)-1], candidate[len(candidate)-1]
	d := distance(strings.ToLower(last), strings.ToLower(want))
	if slices.Equal(path[:len(path)-1], candidate[:len(candidate)-1]) {
		return d, d <= max(2, len(want)/2) && d < len(last)
	}
	// Elsewhere the shorter way there wins, so that [upstream] is offered
	// before a table of one account.
	return 100 + d + len(candidate), d <= 1
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
