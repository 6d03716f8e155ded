package config

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// document is config.toml as it is written. A nil field was not given.
type document struct {
	LogLevel    *string             `toml:"log_level"`
	Listen      *int64              `toml:"listen"`
	ListenExtra []string            `toml:"listen_extra"`
	ExtraHosts  []string            `toml:"extra_hosts"`
	LocalAccess *string             `toml:"local_access"`
	Store       *string             `toml:"store"`
	UserAgent   *string             `toml:"user_agent"`
	Upstream    layer               `toml:"upstream"`
	Accounts    map[string]*account `toml:"accounts"`
}

type account struct {
	Upstream layer `toml:"upstream"`
}

// parse turns the content of file into a Config, or into the first *Error.
func parse(file string, data []byte) (Config, error) {
	o := newOutline(file, data)
	if o.wrong != nil {
		return Config{}, o.wrong
	}
	if err := o.syntaxError(); err != nil {
		return Config{}, err
	}
	var d document
	if err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&d); err != nil {
		return Config{}, decodeError(file, err)
	}
	c := &checker{outline: o}
	cfg := c.config(d)
	if c.first != nil {
		return Config{}, c.first
	}
	return cfg, nil
}

// decodeError covers what is wrong beyond syntax and schema, such as a key
// that is given twice or a number beyond 64 bits.
func decodeError(file string, err error) error {
	e := &Error{File: file, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
	var missing *toml.StrictMissingError
	var de *toml.DecodeError
	switch {
	case errors.As(err, &missing) && len(missing.Errors) > 0:
		// The schema and the document's fields differ, which a test rules out.
		de = &missing.Errors[0]
	case !errors.As(err, &de):
		return e
	}
	e.Line, e.Column = de.Position()
	e.Key, e.Msg = dotted(de.Key()), strings.TrimPrefix(de.Error(), "toml: ")
	return e
}

// checker validates values and keeps the complaint that comes first in the
// file.
type checker struct {
	*outline
	first *Error
}

func (c *checker) refuse(msg string, path ...string) {
	if e := c.complain(msg, path...); c.first == nil || e.Line < c.first.Line {
		c.first = e
	}
}

func (c *checker) config(d document) Config {
	cfg := Default()
	if d.LogLevel != nil {
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
		var ok bool
		if cfg.LogLevel, ok = levels[*d.LogLevel]; !ok {
			c.refuse(oneOf(*d.LogLevel, "debug", "info", "warn", "error"), "log_level")
		}
	}
	if d.Listen != nil {
		switch {
		case *d.Listen < 1 || *d.Listen > 65535:
			c.refuse(fmt.Sprintf("%d is no port: must be 1 to 65535", *d.Listen), "listen")
		case *d.Listen == StatusPort:
			c.refuse(fmt.Sprintf("%d is the port of the status page: choose another", StatusPort), "listen")
		default:
			cfg.Listen = int(*d.Listen)
		}
	}
	for _, text := range d.ListenExtra {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() || addr.Zone() != "" {
			c.refuse(fmt.Sprintf("%q is not the address of this machine in one other network, as 172.17.0.1: it has no port and is not 0.0.0.0", text), "listen_extra")
			break
		}
		cfg.ListenExtra = append(cfg.ListenExtra, addr.Unmap())
	}
	for _, name := range d.ExtraHosts {
		if !isHostName(name) {
			c.refuse(fmt.Sprintf("%q is not a host's name, as host.docker.internal, without a port", name), "extra_hosts")
			break
		}
		cfg.ExtraHosts = append(cfg.ExtraHosts, name)
	}
	if d.LocalAccess != nil {
		cfg.LocalAccess = LocalAccess(*d.LocalAccess)
		if cfg.LocalAccess != AccessUser && cfg.LocalAccess != AccessGrant {
			c.refuse(oneOf(*d.LocalAccess, string(AccessUser), string(AccessGrant)), "local_access")
		}
	}
	if d.Store != nil {
		cfg.Store = Store(*d.Store)
		if cfg.Store != StoreOS && cfg.Store != StoreFile {
			c.refuse(oneOf(*d.Store, string(StoreOS), string(StoreFile)), "store")
		}
	}
	if d.UserAgent != nil {
		cfg.UserAgent = *d.UserAgent
		if strings.TrimSpace(cfg.UserAgent) == "" || !isHeaderValue(cfg.UserAgent) {
			c.refuse("must be one line of text that is not empty", "user_agent")
		}
	}
	cfg.upstream = c.layer(d.Upstream, false, "upstream")
	if len(d.Accounts) > 0 {
		cfg.accounts = make(map[string]layer, len(d.Accounts))
	}
	for name, a := range d.Accounts {
		if a == nil {
			continue
		}
		cfg.accounts[name] = c.layer(a.Upstream, true, "accounts", name, "upstream")
	}
	return cfg
}

// layer validates one upstream table and brings it into the form in which
// layers can be laid over each other. Only an account's layer may hold empty
// values: they take back what the general table says.
func (c *checker) layer(l layer, mayEmpty bool, path ...string) layer {
	at := func(more ...string) []string { return append(append([]string{}, path...), more...) }
	out := layer{CAFile: l.CAFile, Proxy: l.Proxy, Addresses: l.Addresses, TrustHTTP: l.TrustHTTP}
	for _, text := range l.Addresses {
		u, why := serverAddress(text)
		if why != "" {
			c.refuse(why, at("addresses")...)
			break
		}
		out.addresses = append(out.addresses, u)
	}
	if l.CAFile != nil && *l.CAFile != "" {
		file := c.resolve(*l.CAFile)
		out.CAFile = &file
	}
	if l.Proxy != nil && !l.Proxy.IsEmpty() {
		if why := proxyTrouble(l.Proxy.Reveal()); why != "" {
			c.refuse(why, at("proxy")...)
		}
	}
	for name, value := range l.Headers {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !isHeaderName(name):
			c.refuse("is not a header's name", at("headers", name)...)
		case ownHeaders[canonical] != "":
			c.refuse(ownHeaders[canonical], at("headers", name)...)
		case value.IsEmpty() && !mayEmpty:
			c.refuse("is empty", at("headers", name)...)
		case !isHeaderValue(value.Reveal()):
			c.refuse("holds a line break or another control character", at("headers", name)...)
		default:
			if !out.set(canonical, value) {
				c.refuse("is given twice: headers do not differ by case", at("headers", name)...)
			}
		}
	}
	return out
}

// resolve makes a path independent of the directory the daemon happens to be
// started in: a relative one starts at the configuration's own directory.
func (c *checker) resolve(path string) string {
	path = expandHome(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(c.file), path)
}

// isHostName reports whether s is a name that stands in a Host header.
func isHostName(s string) bool {
	return s != "" && len(s) <= 253 && strings.Trim(s, ".-") == s && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	}) < 0
}

func oneOf(got string, known ...string) string {
	return fmt.Sprintf("is %q, must be one of: %s", got, strings.Join(known, ", "))
}
