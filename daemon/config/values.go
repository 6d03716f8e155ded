package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Each method here checks one key at the top of the file; nil and an empty
// list are keys that are not given.

func (c *checker) logLevel(cfg *Config, given *string) {
	if given == nil {
		return
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	var ok bool
	if cfg.LogLevel, ok = levels[*given]; !ok {
		c.refuse(oneOf(*given, "debug", "info", "warn", "error"), "log_level")
	}
}

func (c *checker) listen(cfg *Config, given *int64) {
	if port := c.port(given, "listen"); port != 0 {
		cfg.Listen, cfg.ListenGiven = port, true
	}
}

// port returns a port that an account may have, or 0 where there is none.
func (c *checker) port(given *int64, path ...string) int {
	if given == nil {
		return 0
	}
	switch port := *given; {
	case port < 1 || port > 65535:
		c.refuse(fmt.Sprintf("%d is no port: must be 1 to 65535", port), path...)
	case port == StatusPort:
		c.refuse(fmt.Sprintf("%d is the port of the status page: choose another", StatusPort), path...)
	default:
		return int(port)
	}
	return 0
}

func (c *checker) accounts(cfg *Config, given map[string]*account) {
	if len(given) > 0 {
		cfg.accounts = make(map[string]accountConfig, len(given))
	}
	ports := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		a := given[name]
		if a == nil {
			continue
		}
		path := []string{"accounts", name, "listen"}
		one := accountConfig{
			listen:   c.port(a.Listen, path...),
			upstream: c.layer(a.Upstream, true, "accounts", name, "upstream"),
			place:    c.firstOf("accounts", name),
		}
		if one.listen != 0 && one.listen == cfg.PagePort {
			c.refuse(fmt.Sprintf("%d is the port of the status page: choose another", one.listen), path...)
		}
		if other, twice := ports[one.listen]; twice && one.listen != 0 {
			c.refuse(fmt.Sprintf("%d is the port of %s already", one.listen, dotted([]string{"accounts", other})), path...)
		}
		ports[one.listen] = name
		cfg.accounts[name] = one
	}
}

// pagePort comes after listen, which must be another port.
func (c *checker) pagePort(cfg *Config, given *int64) {
	if given == nil {
		return
	}
	switch port := *given; {
	case port < 1 || port > 65535:
		c.refuse(fmt.Sprintf("%d is no port: must be 1 to 65535", port), "page_port")
	case port == int64(cfg.Listen):
		c.refuse(fmt.Sprintf("%d is where players reach the first account: choose another", port), "page_port")
	default:
		cfg.PagePort = int(port)
	}
}

// extraAddresses are addresses of this machine in networks that others are on too.
func (c *checker) extraAddresses(given []string, key string) (list []netip.Addr) {
	for _, text := range given {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() || addr.Zone() != "" {
			c.refuse(fmt.Sprintf("%q is not the address of this machine in one other network, as 172.17.0.1: "+
				"it has no port and is not 0.0.0.0", text), key)
			return list
		}
		list = append(list, addr.Unmap())
	}
	return list
}

// extraFiles are the certificate for those addresses and its key, which may lie in one
// file.
func (c *checker) extraFiles(cfg *Config, cert, key *string) {
	for _, f := range []struct {
		name  string
		given *string
		at    *string
	}{{"listen_extra_cert", cert, &cfg.ExtraCert}, {"listen_extra_key", key, &cfg.ExtraKey}} {
		if f.given == nil || *f.given == "" {
			continue
		}
		if *f.at = expandHome(*f.given); !filepath.IsAbs(*f.at) {
			c.refuse(fmt.Sprintf("%q is no whole path of a file", *f.given), f.name)
		}
	}
	if cfg.ExtraKey != "" && cfg.ExtraCert == "" {
		c.refuse("it belongs to listen_extra_cert, which is missing", "listen_extra_key")
	}
}

func (c *checker) extraHosts(cfg *Config, given []string) {
	for _, name := range given {
		if !isHostName(name) {
			c.refuse(fmt.Sprintf("%q is not a host's name, as host.docker.internal, without a port", name), "extra_hosts")
			return
		}
		cfg.ExtraHosts = append(cfg.ExtraHosts, name)
	}
}

func (c *checker) trustedOrigins(cfg *Config, given []string) {
	for _, text := range given {
		origin := strings.ToLower(text)
		if err := CheckOrigin(origin); err != nil {
			c.refuse(fmt.Sprintf("%q %v", text, err), "trusted_origins")
			return
		}
		cfg.TrustedOrigins = append(cfg.TrustedOrigins, origin)
	}
}

// CheckOrigin returns an error for an origin that cannot be trusted: one that
// browsers send for pages of every kind, or none at all. An origin is in lower
// case here.
func CheckOrigin(origin string) error {
	if origin == "null" {
		return errors.New("cannot be trusted: browsers send it for pages of every kind")
	}
	u, err := url.Parse(origin)
	switch {
	case origin == "file://":
		return nil // Electron sends it for a program's own pages
	case err != nil || u.Scheme == "" || u.Host == "" || u.Opaque != "" || strings.ContainsAny(origin, "*, ") || len(origin) > maxOrigin:
		return errors.New(`is no origin, as "tauri://localhost" or "http://tauri.localhost"`)
	case origin != u.Scheme+"://"+u.Host:
		return errors.New("is more than an origin: leave out what follows the host and its port")
	case u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443":
		return errors.New("names a port that browsers leave out")
	}
	return nil
}

// maxOrigin is far above any origin.
const maxOrigin = 256

func (c *checker) localAccess(cfg *Config, given *string) {
	if given == nil {
		return
	}
	cfg.LocalAccess = LocalAccess(*given)
	if cfg.LocalAccess != AccessUser && cfg.LocalAccess != AccessGrant {
		c.refuse(oneOf(*given, string(AccessUser), string(AccessGrant)), "local_access")
	}
}

func (c *checker) iconClick(cfg *Config, given *string) {
	if given == nil {
		return
	}
	cfg.IconClick = IconClick(*given)
	if cfg.IconClick != ClickPage && cfg.IconClick != ClickAudiobookshelf {
		c.refuse(oneOf(*given, string(ClickPage), string(ClickAudiobookshelf)), "icon_click")
	}
}

func (c *checker) store(cfg *Config, given *string) {
	if given == nil {
		return
	}
	cfg.Store = Store(*given)
	if cfg.Store != StoreOS && cfg.Store != StoreFile {
		c.refuse(oneOf(*given, string(StoreOS), string(StoreFile)), "store")
	}
}

func (c *checker) userAgent(cfg *Config, given *string) {
	if given == nil {
		return
	}
	cfg.UserAgent = *given
	if strings.TrimSpace(cfg.UserAgent) == "" || !isHeaderValue(cfg.UserAgent) {
		c.refuse("must be one line of text that is not empty", "user_agent")
	}
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
