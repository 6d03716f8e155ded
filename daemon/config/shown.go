package config

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Origin says who has set a value.
type Origin string

// The origins of a value.
const (
	ByDefault Origin = "default"
	FromFile  Origin = "file"
	FromPage  Origin = "page" // the status page
)

// Setting is one value that holds, for people.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"` // as TOML has it; a secret is left out
	From  Origin `json:"from"`
}

// Shown returns every setting that holds, in the order of the documentation, and
// those under [upstream] and [accounts] that somebody has set. Values of headers
// are left out.
func (c Config) Shown() (list []Setting) {
	for _, s := range schema {
		if len(s.path) == 1 {
			list = append(list, Setting{s.path[0], c.shownValue(s.kind, s.path), c.origin(s.path)})
		}
	}
	for _, path := range leaves(c.given, nil) {
		if len(path) > 1 {
			list = append(list, Setting{dotted(path), shownRaw(at(c.given, path), path), FromFile})
		}
	}
	return list
}

func (c Config) shownValue(kind unstable.Kind, path []string) string {
	if c.Given(path...) {
		return shownRaw(at(c.given, path), path)
	}
	switch path[0] {
	case "listen":
		return shownRaw(c.Listen, path)
	case "icon_click":
		return shownRaw(c.IconClick, path)
	}
	values := c.Value(path...)
	switch kind {
	case unstable.Array:
		return shownRaw(append([]string{}, values...), path)
	case unstable.String:
		return shownRaw(strings.Join(values, ""), path)
	}
	return strings.Join(values, "")
}

func (c Config) origin(path []string) Origin {
	def := Default()
	switch {
	case c.Given(path...):
		return FromFile
	case path[0] == "listen" && c.Listen == def.Listen, path[0] == "icon_click" && c.IconClick == def.IconClick,
		slices.Equal(c.Value(path...), def.Value(path...)):
		return ByDefault
	}
	return FromPage
}

func shownRaw(v any, path []string) string {
	if mayHoldSecret(path) {
		return `"[redacted]"`
	}
	raw, err := json.Marshal(v) // a value of TOML of these kinds looks alike
	if err != nil {
		return "?"
	}
	return string(raw)
}

// leaves returns the paths of the values in a tree, in order.
func leaves(tree map[string]any, above []string) (paths [][]string) {
	keys := make([]string, 0, len(tree))
	for key := range tree {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		path := append(slices.Clone(above), key)
		if sub, ok := tree[key].(map[string]any); ok {
			paths = append(paths, leaves(sub, path)...)
		} else {
			paths = append(paths, path)
		}
	}
	return paths
}

// at returns the value at a path of leaves.
func at(tree map[string]any, path []string) any {
	var v any = tree
	for _, key := range path {
		sub, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = sub[key]
	}
	return v
}
