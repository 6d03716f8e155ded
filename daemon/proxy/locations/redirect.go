// Package locations rewrites addresses between the server's origin and ours:
// what players follow must lead here, and what others follow must lead there.
package locations

import (
	"net/url"
	"strings"
)

// Redirect returns the address of a redirect as a player must see it: a
// path of ours. It reports false for one that leads away from the server.
func Redirect(base *url.URL, value string) (string, bool) {
	if strings.HasPrefix(value, "/") {
		// Browsers take "//host" and "/\host" for another host.
		if len(value) > 1 && (value[1] == '/' || value[1] == '\\') {
			return "", false
		}
		return value, true
	}
	u, err := url.Parse(value)
	if err != nil {
		return "", false
	}
	if u.Scheme == "" && u.Host == "" && u.Opaque == "" {
		return value, !strings.Contains(value, `\`) // relative to what was asked for
	}
	if !strings.EqualFold(u.Scheme, base.Scheme) || !strings.EqualFold(hostPort(u), hostPort(base)) {
		return "", false
	}
	local := url.URL{
		Path:     "/" + strings.TrimLeft(u.Path, `/\`),
		RawQuery: u.RawQuery,
		Fragment: u.Fragment,
	}
	if u.RawPath != "" {
		local.RawPath = "/" + strings.TrimLeft(u.RawPath, `/\`)
	}
	return local.String(), true
}

// hostPort returns u's host with the port that is meant where none is written.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		if port = "80"; strings.EqualFold(u.Scheme, "https") {
			port = "443"
		}
	}
	return u.Hostname() + ":" + port
}
