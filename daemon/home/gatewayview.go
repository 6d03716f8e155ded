package home

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/upstream"
)

// gatewayView is what may be shown of a gateway's settings, those of config.toml
// included.
func (h *Home) gatewayView(a accounts.Account, g upstream.Gateway) control.GatewayView {
	v := control.GatewayView{Account: a.Name, UserAgent: g.UserAgent, Proxy: shownProxy(g.Proxy.Reveal())}
	for _, header := range g.Headers {
		v.Headers = append(v.Headers, control.GatewayHeaderView{Name: header.Name, For: header.For})
	}
	if b := g.Basic; b != nil {
		v.Basic = &control.GatewayBasicView{User: b.User, Header: b.Header, TokenInURL: b.Header == "Authorization", For: b.For}
	}
	if c := g.ClientCert; c != nil {
		if leaf, err := c.Leaf(); err == nil {
			v.ClientCert = &control.GatewayCertView{GatewayCert: shownCert(leaf), For: c.For}
		}
	}
	for rest := []byte(g.CA); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			v.CA = append(v.CA, shownCert(c))
		}
	}
	if p := g.Pin; p != nil {
		v.Pin = &control.GatewayPinView{SHA256: p.SHA256, For: p.For}
	}
	c := h.Config.Upstream(a.Name)
	v.FromConfig = slices.Sorted(maps.Keys(c.Headers))
	if v.Proxy == "" {
		v.Proxy, v.ProxyFrom = h.effectiveProxy(a, c.Proxy.Reveal())
	} else {
		v.ProxyFrom = "account"
	}
	return v
}

// effectiveProxy is the proxy that requests of the account go through, and what sets it.
func (h *Home) effectiveProxy(a accounts.Account, configured string) (address, from string) {
	if configured != "" {
		return shownProxy(configured), "config.toml"
	}
	base, err := url.Parse(a.Server)
	if err != nil {
		return "", ""
	}
	if p := upstream.EnvironmentProxy(base); p != "" {
		return p, "environment"
	}
	return "", ""
}

// shownProxy is the address of a proxy without user name and password.
func shownProxy(raw string) string {
	u, err := url.Parse(raw)
	if raw == "" || err != nil || u.Host == "" {
		return strings.TrimSpace(map[bool]string{true: raw}[raw == "direct"])
	}
	return u.Scheme + "://" + u.Host
}

func shownCert(c *x509.Certificate) control.GatewayCert {
	return control.GatewayCert{Subject: c.Subject.String(), Issuer: c.Issuer.String(), NotAfter: c.NotAfter.UTC(),
		SHA256: upstream.Fingerprint(c)}
}

// ExposedConfig reports whether other users of this machine can read the secrets that
// config.toml holds.
func (h *Home) ExposedConfig() bool {
	info, err := os.Stat(h.Paths.Config)
	return err == nil && h.Config.HasSecrets() && exposed(info.Mode())
}
