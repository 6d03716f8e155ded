package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ProxyError is the error of a request that failed at the proxy. It names the proxy,
// which the user may not know of when the environment sets it.
type ProxyError struct {
	Proxy       string // its address without user and password
	Environment bool   // the environment names it, not the user's settings
	Own         bool   // the account's own settings name it, not config.toml
	Err         error
}

// Error returns the evidence.
func (e *ProxyError) Error() string { return e.Evidence() }

// Unwrap returns the transport's error.
func (e *ProxyError) Unwrap() error { return e.Err }

// Evidence says in one line which proxy failed and how. absapi shows it.
func (e *ProxyError) Evidence() string {
	why := "refuses the connection"
	var timeout net.Error
	var status proxyStatus
	switch {
	case errors.As(e.Err, &status) && strings.HasPrefix(string(status), "407 "):
		why = "wants a user and a password (" + string(status) + ")"
	case errors.As(e.Err, &status) && strings.HasPrefix(string(status), "403 "):
		why = "forbids the way to the server (" + string(status) + ")"
	case errors.As(e.Err, &status):
		why = "answers " + string(status)
	case errors.Is(e.Err, context.DeadlineExceeded), errors.As(e.Err, &timeout) && timeout.Timeout():
		why = "does not answer"
	}
	return "the proxy " + e.Proxy + ", which " + e.setBy() + ", " + why
}

func (e *ProxyError) setBy() string {
	switch {
	case e.Environment:
		return "the environment sets"
	case e.Own:
		return "the account's settings name"
	}
	return "config.toml sets"
}

// Remedy names the setting to change.
func (e *ProxyError) Remedy() string {
	var status proxyStatus
	give := "look at the proxy, or go round it: "
	switch {
	case errors.As(e.Err, &status) && strings.HasPrefix(string(status), "407 "):
		give = "give it as http://USER:PASSWORD@HOST:PORT: "
	case errors.As(e.Err, &status) && strings.HasPrefix(string(status), "403 "):
		give = "let the proxy pass CONNECT to this server and port, or go round it: "
	case !errors.As(e.Err, &status):
		give = "start the proxy, or correct it: "
	}
	switch {
	case e.Environment:
		return give + "unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY or correct them, or run `shelfkeeper account set NAME --proxy direct`"
	case e.Own:
		return give + "`shelfkeeper account set NAME --proxy URL`, or `--proxy direct` for none"
	}
	return give + "`proxy` under [upstream] in config.toml; \"direct\" is none"
}

// proxyStatus is a proxy's answer to CONNECT other than 200.
type proxyStatus string

func (s proxyStatus) Error() string { return "the proxy answered " + string(s) }

// refusedTunnel is the OnProxyConnectResponse of a transport.
func refusedTunnel(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return proxyStatus(strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))))
}

// atProxy returns err as a *ProxyError when r goes through a proxy and no connection
// through it came about.
func (w *way) atProxy(r *http.Request, err error) error {
	if err == nil || w.proxy == nil || !beforeTunnel(err) {
		return err
	}
	p, failed := w.proxy(r)
	if failed != nil || p == nil {
		return err
	}
	return &ProxyError{Proxy: p.Scheme + "://" + p.Host, Environment: w.environmentProxy, Own: w.ownProxy, Err: err}
}

// fromProxy returns resp, or an error in its place if it is the proxy's own: on the
// way to a plain http server a proxy's refusal comes like an answer of the server.
func (w *way) fromProxy(r *http.Request, resp *http.Response) (*http.Response, error) {
	if w.proxy == nil || !ofProxy(r, resp) {
		return resp, nil
	}
	status := proxyStatus(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	if resp.StatusCode != http.StatusProxyAuthRequired && resp.Header.Get("X-Squid-Error") == "" {
		status += ", or something behind it does"
	}
	err := w.atProxy(r, status)
	if err == error(status) {
		return resp, nil // no proxy is in use for this server
	}
	return nil, errors.Join(err, resp.Body.Close())
}

// ofProxy reports whether an answer that came through a proxy is not
// Audiobookshelf's own, but a refusal of the proxy or of something behind it. Every
// answer of Audiobookshelf carries a content security policy (server/Server.js).
func ofProxy(r *http.Request, resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusProxyAuthRequired:
		return true
	case http.StatusForbidden, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return r.URL.Scheme == "http" && resp.Header.Get("Content-Security-Policy") == ""
	}
	return false
}

// beforeTunnel reports whether err came while the proxy was dialled, or from its answer.
func beforeTunnel(err error) bool {
	var op *net.OpError
	var status proxyStatus
	return errors.As(err, &status) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect")
}
