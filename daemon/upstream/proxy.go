package upstream

import (
	"fmt"
	"net/http"
	"net/url"
)

// proxyDirect is the value of ProxyURL that switches the environment's proxy off.
const proxyDirect = "direct"

type proxyFunc = func(*http.Request) (*url.URL, error)

// EnvironmentProxy is the address, without user and password, of the proxy that the
// environment sets for a server. Empty for none.
func EnvironmentProxy(base *url.URL) string {
	p, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	if err != nil || p == nil {
		return ""
	}
	return p.Scheme + "://" + p.Host
}

// proxyOf returns the proxy function, or nil for a direct connection. inMemory
// disables the environment's proxy.
func proxyOf(raw string, inMemory bool) (proxyFunc, error) {
	switch {
	case raw == proxyDirect, raw == "" && inMemory:
		return nil, nil
	case raw == "":
		return http.ProxyFromEnvironment, nil
	}
	// The parser's error would quote the address, which may hold a password.
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%w: the proxy's address is not one; write it like http://proxy.example:3128", ErrPolicy)
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	}
	return nil, fmt.Errorf("%w: the proxy's address must start with http://, https://, socks5:// or socks5h://, not %s://",
		ErrPolicy, u.Scheme)
}
