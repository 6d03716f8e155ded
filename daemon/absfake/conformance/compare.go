package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// timeFrom is where numbers begin that are times in milliseconds.
const timeFrom = 1e11

// maxWords bounds what is said of one case.
const maxWords = 8

// comparison collects in words how one answer differs from a recorded one.
type comparison struct {
	*identities
	said  string // what the recorder had sent
	words []string
}

func (c *comparison) differ(format string, args ...any) {
	if len(c.words) < maxWords {
		c.words = append(c.words, fmt.Sprintf(format, args...))
	}
}

// value compares decoded JSON.
func (c *comparison) value(path string, want, got any) {
	switch want := want.(type) {
	case members:
		have, ok := got.(members)
		if !ok {
			c.differ("%s is %.80v, recorded an object", path, got)
			return
		}
		c.object(path, want, have)
	case []any:
		have, ok := got.([]any)
		if !ok {
			c.differ("%s is %.80v, recorded a list", path, got)
			return
		}
		c.list(path, want, have)
	case string:
		have, ok := got.(string)
		if !ok {
			c.differ("%s is %v, recorded %.80q", path, got, want)
			return
		}
		if wrong := c.matchText(want, have, c.said); wrong != "" {
			c.differ("%s %s", path, wrong)
		}
	case float64:
		have, ok := got.(float64)
		if !ok || (want != have && (want < timeFrom || have < timeFrom)) {
			c.differ("%s is %v, recorded %v", path, got, want)
		}
	default:
		if want != got {
			c.differ("%s is %v, recorded %v", path, got, want)
		}
	}
}

// object compares keys in their order, and the values that were recorded: "$keys"
// stands for an object whose values were recorded elsewhere.
func (c *comparison) object(path string, want, have members) {
	keys := want.keys()
	if v, ok := want.get("$keys"); ok {
		keys = nil
		for _, k := range v.([]any) {
			keys = append(keys, fmt.Sprint(k))
		}
	}
	if own := have.keys(); !slices.Equal(own, keys) {
		missing, extra := without(keys, own), without(own, keys)
		switch {
		case len(missing)+len(extra) == 0:
			c.differ("%s has its keys in the order %v, recorded %v", path, own, keys)
		default:
			c.differ("%s lacks the keys %v and has %v too many", path, missing, extra)
		}
	}
	for _, e := range want {
		if e.key == "$keys" {
			continue
		}
		if v, ok := have.get(e.key); ok {
			c.value(path+"/"+e.key, e.value, v)
		}
	}
}

func without(list, other []string) []string {
	out := []string{}
	for _, e := range list {
		if !slices.Contains(other, e) {
			out = append(out, e)
		}
	}
	return out
}

func (c *comparison) list(path string, want, have []any) {
	rest := 0
	if n := len(want); n > 0 {
		if text, ok := want[n-1].(string); ok && strings.HasPrefix(text, "...(+") {
			_, _ = fmt.Sscanf(text, "...(+%d more)", &rest)
			want = want[:n-1]
		}
	}
	if len(have) != len(want)+rest {
		c.differ("%s has %d elements, recorded %d", path, len(have), len(want)+rest)
		return
	}
	for i := range want {
		c.value(fmt.Sprintf("%s[%d]", path, i), want[i], have[i])
	}
}
