package upstream

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"
)

// proxyDirect is the value of ProxyURL that switches the environment's proxy off.
const proxyDirect = "direct"

type proxyFunc = func(*http.Request) (*url.URL, error)

// fromEnvironment returns the proxy that the environment sets: HTTPS_PROXY and HTTP_PROXY
// by scheme, else ALL_PROXY, and NO_PROXY for none. net/http does not know ALL_PROXY.
func fromEnvironment() proxyFunc {
	c := httpproxy.FromEnvironment()
	all := cmp.Or(os.Getenv("ALL_PROXY"), os.Getenv("all_proxy"))
	c.HTTPProxy, c.HTTPSProxy = cmp.Or(c.HTTPProxy, all), cmp.Or(c.HTTPSProxy, all)
	choose := c.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
}

// forwards reports whether r goes to a proxy that forwards it, as plain http does: such a
// proxy may close its connection after each answer without saying so (tinyproxy does).
func (w *way) forwards(r *http.Request) bool {
	if w.proxy == nil || r.URL.Scheme != "http" {
		return false
	}
	p, err := w.proxy(r)
	return err == nil && p != nil && (p.Scheme == "http" || p.Scheme == "https")
}

// ProxyInUse is the address, without user and password, of the proxy to the server, and
// what sets it: account, config.toml or environment. Both are empty where there is none.
func (u *Upstream) ProxyInUse() (address, from string) {
	w := u.ready.Load()
	if w == nil || w.proxy == nil {
		return "", ""
	}
	p, err := w.proxy(&http.Request{URL: u.URL("")})
	if err != nil || p == nil {
		return "", ""
	}
	switch {
	case w.ownProxy:
		from = "account"
	case w.environmentProxy:
		from = "environment"
	default:
		from = "config.toml"
	}
	return p.Scheme + "://" + p.Host, from
}

// EnvironmentProxy is the address, without user and password, of the proxy that the
// environment sets for a server. Empty for none.
func EnvironmentProxy(base *url.URL) string {
	p, err := fromEnvironment()(&http.Request{URL: base})
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
		return fromEnvironment(), nil
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
