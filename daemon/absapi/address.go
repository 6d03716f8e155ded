package absapi

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// subFolder is where ABS lives unless ROUTER_BASE_PATH says otherwise.
const subFolder = "/audiobookshelf"

// pages are the first path segments of ABS's web UI and API: what follows the
// server's address in a link copied from a browser.
var pages = []string{
	"login", "library", "item", "config", "account", "author", "authors", "collection", "collections",
	"playlist", "playlists", "series", "upload", "share", "search", "batch", "oops", "edit",
	"api", "auth", "status", "ping", "healthcheck", "init", "logout", "socket.io", "hls", "public", "feed", "index.html",
}

// candidates turns what a person typed into base addresses, in the order in
// which they are worth trying: the address as it stands, then with and without
// ABS's usual sub-folder; https before http where no scheme was typed.
func candidates(raw string) ([]*url.URL, error) {
	text := strings.TrimSpace(raw)
	if text == "" {
		return nil, badAddress("no address was given")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return nil, badAddress("the address holds spaces or signs that no address has")
	}
	schemes, rest, err := splitScheme(text)
	if err != nil {
		return nil, err
	}
	var out []*url.URL
	for _, scheme := range schemes {
		base, err := parseBase(scheme, rest)
		if err != nil {
			return nil, err
		}
		out = append(out, base)
		if shorter, ok := strings.CutSuffix(base.Path, subFolder); ok {
			out = append(out, withPath(base, shorter))
		} else {
			out = append(out, withPath(base, base.Path+subFolder))
		}
	}
	return out, nil
}

func splitScheme(text string) (schemes []string, rest string, err error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return []string{"https", "http"}, strings.TrimLeft(text, "/"), nil
	}
	switch strings.ToLower(scheme) {
	case "https", "wss":
		return []string{"https"}, rest, nil
	case "http", "ws":
		return []string{"http"}, rest, nil
	}
	return nil, "", badAddress("the address must start with https:// or http://, or with neither")
}

func parseBase(scheme, rest string) (*url.URL, error) {
	host, path, _ := cutAny(rest, "/?#")
	// A bare IPv6 address lacks its brackets; more than one colon tells it.
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + strings.ReplaceAll(host, "%", "%25") + "]"
		rest = host + path
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Hostname() == "" {
		// The parser's error would quote the address, which may hold a password.
		return nil, badAddress("the address cannot be read; write it like https://books.example.org or 192.168.1.20:13378")
	}
	if u.User != nil || strings.Contains(host, "@") {
		return nil, badAddress("the address holds a user name or password, which would end up in logs; leave them out, they are asked " +
			"for separately")
	}
	if p := u.Port(); p != "" {
		if n, ok := natural(p); !ok || n == 0 || n > 65535 {
			return nil, badAddress(fmt.Sprintf("%s is not a port; ports go from 1 to 65535", plain(p, 20)))
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return nil, badAddress("a port is missing after the colon")
	}
	if !isHost(u.Hostname()) {
		return nil, badAddress("the host's name holds signs that no name has")
	}
	return withPath(u, basePath(u.Path)), nil
}

// cutAny cuts s before the first of chars and keeps that character.
func cutAny(s, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", false
}

// basePath cuts a path at the first segment that is ABS's own.
func basePath(path string) string {
	var kept []string
	for _, segment := range strings.Split(path, "/") {
		switch {
		case segment == "" || segment == ".":
		case slices.Contains(pages, strings.ToLower(segment)):
			return joined(kept)
		case segment == "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	return joined(kept)
}

func joined(segments []string) string {
	if len(segments) == 0 {
		return ""
	}
	return "/" + strings.Join(segments, "/")
}

func withPath(u *url.URL, path string) *url.URL {
	host := strings.ToLower(u.Host)
	if h, p, err := net.SplitHostPort(host); err == nil && (u.Scheme == "https" && p == "443" || u.Scheme == "http" && p == "80") {
		host = h
		if strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: path}
}

// isHost reports a name or address without signs that would be read as
// something else elsewhere. Names in other scripts are left to the resolver.
func isHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsValid()
	}
	return host != "" && len(host) <= 253 && !strings.ContainsAny(host, `:%<>"'{}|^`+"`[]@,;!$&()*+=") &&
		!strings.Contains(host, "..") && !strings.HasPrefix(host, ".")
}
