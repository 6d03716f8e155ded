package absapi

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"shelfkeeper/daemon/hostname"
)

// subFolder is where ABS lives unless ROUTER_BASE_PATH says otherwise.
const subFolder = "/audiobookshelf"

// pages are the first path segments of ABS's web UI and API: what follows the
// server's address in a link copied from a browser.
var pages = []string{
	"login", "library", "item", "config", "account", "author", "authors", "collection", "collections",
	"playlist", "playlists", "series", "upload", "share", "search", "batch", "oops", "edit", "audiobook",
	"api", "auth", "status", "ping", "healthcheck", "init", "logout", "socket.io", "hls", "public", "feed", "index.html",
}

// maxCuts bounds how many places of one address are tried as its end.
const maxCuts = 4

// candidates turns what a person typed into base addresses, in the order in
// which they are worth trying: the address as it stands, since a sub-folder may
// be named like a page of ABS, then without the pages that a link may end in,
// then with and without ABS's usual sub-folder; https before http where no
// scheme was typed.
func candidates(raw string) ([]*url.URL, error) {
	if !utf8.ValidString(raw) {
		return nil, badAddress("the address is not valid UTF-8")
	}
	text := clean(raw)
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
		u, err := parseBase(scheme, rest)
		if err != nil {
			return nil, err
		}
		paths := basePaths(u.Path)
		for _, path := range paths {
			out = append(out, withPath(u, path))
		}
		last := paths[len(paths)-1]
		if shorter, ok := strings.CutSuffix(last, subFolder); ok {
			out = append(out, withPath(u, shorter))
		} else {
			out = append(out, withPath(u, last+subFolder))
		}
	}
	return out, nil
}

// clean takes away what comes along when an address is copied: spaces, a byte
// order mark, signs of no width or for the direction of writing, full width, and
// the marks around an address in a text.
func clean(raw string) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e: // an input method writes ASCII in full width
			return r - 0xfee0
		case r == 0x3002:
			return '.'
		case r == 0xfeff, r == 0x200b, r == 0x2060, r == 0xad, r >= 0x200e && r <= 0x200f, r >= 0x202a && r <= 0x202e,
			r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, raw)
	text = strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	for _, pair := range []string{"<>", "()", "{}", "``", "「」", `""`, "''", "“”", "„“", "«»"} {
		marks := []rune(pair)
		inner, opened := strings.CutPrefix(text, string(marks[0]))
		if inner, closed := strings.CutSuffix(inner, string(marks[1])); opened && closed && strings.ContainsAny(inner, ".:") {
			return strings.TrimSpace(inner)
		}
	}
	if _, link, ok := strings.Cut(text, "]("); ok { // as in [books](https://…)
		text = strings.TrimSuffix(link, ")")
	}
	// The end of a sentence, and of its brackets, is none of the address.
	if text = strings.TrimRight(text, ",;"); !strings.Contains(text, "(") {
		text = strings.TrimRight(text, ")")
	}
	return text
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
	return u, nil
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
	paths := basePaths(path)
	return paths[len(paths)-1]
}

// pageOf returns the base path of a page that a server leads to: a page such as
// login lies directly below it, whatever the sub-folder is called.
func pageOf(path string) string {
	if paths := basePaths(path); len(paths) > 1 && slices.Contains(pages, strings.ToLower(paths[0][len(paths[1])+1:])) {
		return paths[1]
	}
	return basePath(path)
}

// basePaths returns the path as it stands, and what comes before each segment
// that is ABS's own, the longest first. The last is what comes before the first
// such segment.
func basePaths(path string) []string {
	var kept []string
	for _, segment := range strings.Split(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	out := []string{joined(kept)}
	for i := len(kept) - 1; i >= 0; i-- {
		if slices.Contains(pages, strings.ToLower(kept[i])) {
			out = append(out, joined(kept[:i]))
		}
	}
	if len(out) > maxCuts {
		out = append(out[:maxCuts-1], out[len(out)-1])
	}
	return out
}

func joined(segments []string) string {
	if len(segments) == 0 {
		return ""
	}
	return "/" + strings.Join(segments, "/")
}

func withPath(u *url.URL, path string) *url.URL {
	host := hostname.Canonical(u.Host)
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
