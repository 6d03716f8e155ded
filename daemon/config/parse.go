package config

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// document is config.toml as it is written. A nil field was not given.
type document struct {
	LogLevel       *string             `toml:"log_level"`
	Listen         *int64              `toml:"listen"`
	PagePort       *int64              `toml:"page_port"`
	ListenExtra    []string            `toml:"listen_extra"`
	ExtraHTTP      []string            `toml:"listen_extra_http"`
	ExtraCert      *string             `toml:"listen_extra_cert"`
	ExtraKey       *string             `toml:"listen_extra_key"`
	ExtraHosts     []string            `toml:"extra_hosts"`
	TrustedOrigins []string            `toml:"trusted_origins"`
	LocalAccess    *string             `toml:"local_access"`
	Store          *string             `toml:"store"`
	UserAgent      *string             `toml:"user_agent"`
	Notifications  *bool               `toml:"notifications"`
	IconClick      *string             `toml:"icon_click"`
	Upstream       layer               `toml:"upstream"`
	Accounts       map[string]*account `toml:"accounts"`
}

type account struct {
	Listen   *int64 `toml:"listen"`
	Upstream layer  `toml:"upstream"`
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
	c.logLevel(&cfg, d.LogLevel)
	c.listen(&cfg, d.Listen)
	c.pagePort(&cfg, d.PagePort)
	cfg.ListenExtra = c.extraAddresses(d.ListenExtra, "listen_extra")
	cfg.ExtraHTTP = c.extraAddresses(d.ExtraHTTP, "listen_extra_http")
	c.extraFiles(&cfg, d.ExtraCert, d.ExtraKey)
	c.extraHosts(&cfg, d.ExtraHosts)
	c.trustedOrigins(&cfg, d.TrustedOrigins)
	c.localAccess(&cfg, d.LocalAccess)
	c.store(&cfg, d.Store)
	c.userAgent(&cfg, d.UserAgent)
	if d.Notifications != nil {
		cfg.Notifications = *d.Notifications
	}
	c.iconClick(&cfg, d.IconClick)
	cfg.upstream = c.layer(d.Upstream, false, "upstream")
	c.accounts(&cfg, d.Accounts)
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
	if l.HeadersFor != nil {
		out.HeadersFor = []string{}
	}
	for _, text := range l.HeadersFor {
		u, why := serverAddress(text)
		if why != "" {
			c.refuse(why, at("headers_for")...)
			break
		}
		out.HeadersFor = append(out.HeadersFor, u.String())
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
