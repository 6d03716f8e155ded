package upstream

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"shelfkeeper/daemon/redact"
)

// GatewayChange says what is to be different in a Gateway. What is nil stays as it is.
type GatewayChange struct {
	Headers    []GatewayHeader // each replaces the one of its name; an empty Value removes it
	Basic      *Basic          // without User: removes it
	ClientCert *ClientCert     // without Chain: removes it
	CA         *string         // empty: removes it
	Pin        *Pin            // without SHA256: removes it
	Proxy      *redact.Secret  // empty: removes it
	UserAgent  *string         // empty: removes it
}

// IsZero reports whether nothing is to change.
func (c GatewayChange) IsZero() bool {
	return len(c.Headers) == 0 && c.Basic == nil && c.ClientCert == nil && c.CA == nil && c.Pin == nil && c.Proxy == nil &&
		c.UserAgent == nil
}

// WithoutSecrets reports whether the change holds no header, no password and no client
// certificate. Only then may it be used with a server that is not known yet.
func (c GatewayChange) WithoutSecrets() bool {
	return len(c.Headers) == 0 && c.Basic == nil && c.ClientCert == nil
}

// With returns g with the change made, or an error that wraps ErrPolicy. Secrets that
// name no address are bound by Bind later.
func (g Gateway) With(c GatewayChange) (Gateway, error) {
	g.Headers = slices.Clone(g.Headers)
	for _, h := range c.Headers {
		h.Name = http.CanonicalHeaderKey(strings.TrimSpace(h.Name))
		there := slices.ContainsFunc(g.Headers, func(old GatewayHeader) bool { return old.Name == h.Name })
		g.Headers = slices.DeleteFunc(g.Headers, func(old GatewayHeader) bool { return old.Name == h.Name })
		switch {
		case !h.Value.IsEmpty():
			g.Headers = append(g.Headers, h)
		case !there:
			return g, fmt.Errorf("%w: no header %s is kept for this account", ErrPolicy, h.Name)
		}
	}
	if c.Basic != nil {
		if g.Basic = c.Basic; c.Basic.User == "" {
			g.Basic = nil
		}
	}
	if c.ClientCert != nil {
		if g.ClientCert = c.ClientCert; c.ClientCert.Chain == "" {
			g.ClientCert = nil
		}
	}
	if c.CA != nil {
		g.CA = *c.CA
	}
	if c.Pin != nil {
		g.Pin = nil
		if c.Pin.SHA256 != "" {
			sum, err := ParseFingerprint(c.Pin.SHA256)
			if err != nil {
				return g, err
			}
			g.Pin = &Pin{SHA256: sum, For: c.Pin.For}
		}
	}
	if c.Proxy != nil {
		g.Proxy = *c.Proxy
	}
	if c.UserAgent != nil {
		g.UserAgent = *c.UserAgent
	}
	return g, g.Check()
}

// Bind returns g with every secret that names no address bound to the address of the
// server. It refuses plain http, over which everybody on the way would read them.
func (g Gateway) Bind(base *url.URL) (Gateway, error) {
	clear := base.Scheme != "https" && !isLoopback(base.Hostname())
	own := []string{Origin(base)}
	g.Headers = slices.Clone(g.Headers)
	refuse := func(what string) error {
		return fmt.Errorf("%w: %s would travel unencrypted to %s: use https, or say so with --for %s", ErrPolicy, what, base.Host, own[0])
	}
	for i, h := range g.Headers {
		if len(h.For) > 0 {
			continue
		}
		if clear {
			return g, refuse("header " + h.Name)
		}
		g.Headers[i].For = own
	}
	if g.Basic != nil && len(g.Basic.For) == 0 {
		if clear {
			return g, refuse("the password of --basic")
		}
		b := *g.Basic
		b.For, g.Basic = own, &b
	}
	if g.ClientCert != nil && len(g.ClientCert.For) == 0 {
		c := *g.ClientCert
		c.For, g.ClientCert = own, &c
	}
	if g.Pin != nil && len(g.Pin.For) == 0 {
		p := *g.Pin
		p.For, g.Pin = own, &p
	}
	return g, nil
}
