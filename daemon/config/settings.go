package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"shelfkeeper/daemon/durable"
)

// settingsFile is in the directory of state. It is the program's own file, in the
// form of config.toml.
const settingsFile = "settings.toml"

// Settings are what the user has set without writing config.toml. Each holds
// where config.toml says nothing.
type Settings struct {
	path string
	tree map[string]any
}

// ErrGiven says that config.toml decides.
var ErrGiven = errors.New("your config.toml says otherwise")

// OpenSettings reads the settings in a directory of state. A file that is not
// there holds none.
func OpenSettings(state string) (Settings, error) {
	s := Settings{path: filepath.Join(state, settingsFile), tree: map[string]any{}}
	data, err := read(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return s, fmt.Errorf("read the settings: %w", err)
	}
	if _, err := parse(s.path, data); err != nil {
		return s, fmt.Errorf("read the settings: %w", err)
	}
	if err := toml.Unmarshal(data, &s.tree); err != nil {
		return s, fmt.Errorf("read the settings: %w", err)
	}
	return s, nil
}

// Set changes one setting and writes them; no value takes it back. Its error is
// an *Error where the value is not in order, by itself or beside what c has from
// config.toml, and nothing is written then.
func (s Settings) Set(c Config, key []string, values []string) error {
	tree := cloned(s.tree)
	if err := put(tree, key, values); err != nil {
		return err
	}
	data, err := toml.Marshal(tree)
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	both, err := toml.Marshal(over(c.given, tree))
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	for _, one := range [][]byte{data, both} {
		if _, err := parse(s.path, one); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	if err := durable.WriteFile(s.path, data, 0o600); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

// Forget takes back everything that is set for an account.
func (s Settings) Forget(c Config, account string) error {
	if !has(s.tree, []string{"accounts", account}) {
		return nil
	}
	return s.Set(c, []string{"accounts", account}, nil)
}

// put writes values at a key of the schema, or removes the key.
func put(tree map[string]any, key []string, values []string) error {
	kind, known := kindOf(key)
	if !known {
		return &Error{Key: dotted(key), Msg: "unknown key"}
	}
	at := tree
	for _, name := range key[:len(key)-1] {
		next, _ := at[name].(map[string]any)
		if next == nil {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	last := key[len(key)-1]
	if len(values) == 0 {
		delete(at, last)
		prune(tree)
		return nil
	}
	value, ok := valueOf(kind.String(), values)
	if !ok {
		return &Error{Key: dotted(key), Msg: "is " + strconv.Quote(values[0]) + ", which it cannot be"}
	}
	at[last] = value
	return nil
}

// prune removes tables that hold nothing.
func prune(tree map[string]any) {
	for name, value := range tree {
		if below, ok := value.(map[string]any); ok {
			if prune(below); len(below) == 0 {
				delete(tree, name)
			}
		}
	}
}

// valueOf reads what a person typed as a value of a kind.
func valueOf(kind string, values []string) (any, bool) {
	switch kind {
	case "Integer":
		n, err := strconv.ParseInt(strings.TrimSpace(values[0]), 10, 64)
		return n, err == nil
	case "Bool":
		on, err := strconv.ParseBool(values[0])
		return on, err == nil
	case "Array":
		list := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		return list, true
	case "String":
		return values[0], true
	}
	return nil, false
}

func cloned(tree map[string]any) map[string]any {
	out := maps.Clone(tree)
	for name, value := range out {
		if below, ok := value.(map[string]any); ok {
			out[name] = cloned(below)
		}
	}
	return out
}

func has(tree map[string]any, key []string) bool {
	value, ok := tree[key[0]]
	below, isTree := value.(map[string]any)
	return ok && (len(key) == 1 || isTree && has(below, key[1:]))
}

// over lays a tree over another: what it says, key by key, stands.
func over(tree, below map[string]any) map[string]any {
	out := cloned(below)
	if out == nil {
		out = map[string]any{}
	}
	for name, value := range tree {
		above, isTree := value.(map[string]any)
		under, both := out[name].(map[string]any)
		if isTree && both {
			out[name] = over(above, under)
		} else {
			out[name] = value
		}
	}
	return out
}

// LoadWith is Load with the settings in a directory of state, which hold where
// the file at path says nothing. trouble is why they hold nowhere: a program must
// start in spite of them.
func LoadWith(path, state string) (cfg Config, trouble, err error) {
	if cfg, err = Load(path); err != nil {
		return cfg, nil, err
	}
	data, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cfg, nil, &Error{File: path, Msg: reason(err), err: err}
	}
	if err := toml.NewDecoder(bytes.NewReader(data)).Decode(&cfg.given); err != nil {
		return cfg, nil, decodeError(path, err)
	}
	own, trouble := OpenSettings(state)
	if trouble != nil || len(own.tree) == 0 {
		return cfg, trouble, nil
	}
	merged, trouble := toml.Marshal(over(cfg.given, own.tree))
	if trouble != nil {
		return cfg, trouble, nil
	}
	both, trouble := parse(path, merged)
	if trouble != nil {
		return cfg, fmt.Errorf("the settings that were made on the status page do not hold: %w", trouble), nil
	}
	// Whether the first account's port is the user's wish is for the file alone.
	both.given = cfg.given
	return both, nil, nil
}

// Given reports whether config.toml itself has a value at the key.
func (c Config) Given(key ...string) bool { return has(c.given, key) }

// Value returns what holds for a key that may be set, as it is typed: a line each
// for a list.
func (c Config) Value(key ...string) []string {
	if len(key) == 4 && key[0] == "accounts" && key[2] == "upstream" {
		u := c.Upstream(key[1])
		switch key[3] {
		case "addresses":
			list := make([]string, 0, len(u.Addresses))
			for _, a := range u.Addresses {
				list = append(list, a.String())
			}
			return list
		case "trust_http":
			return []string{strconv.FormatBool(u.TrustHTTP)}
		}
		return nil
	}
	switch key[0] {
	case "page_port":
		return []string{strconv.Itoa(c.PagePort)}
	case "notifications":
		return []string{strconv.FormatBool(c.Notifications)}
	case "icon_click":
		return []string{string(c.IconClick)}
	case "store":
		return []string{string(c.Store)}
	case "local_access":
		return []string{string(c.LocalAccess)}
	case "log_level":
		return []string{strings.ToLower(c.LogLevel.String())}
	case "user_agent":
		return []string{c.UserAgent}
	case "extra_hosts":
		return slices.Clone(c.ExtraHosts)
	case "trusted_origins":
		return slices.Clone(c.TrustedOrigins)
	case "listen_extra":
		return addressesOf(c.ListenExtra)
	case "listen_extra_http":
		return addressesOf(c.ExtraHTTP)
	case "listen_extra_cert":
		return []string{c.ExtraCert}
	case "listen_extra_key":
		return []string{c.ExtraKey}
	}
	return nil
}

func addressesOf(list []netip.Addr) []string {
	texts := make([]string, 0, len(list))
	for _, a := range list {
		texts = append(texts, a.String())
	}
	return texts
}
