package upstream

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxGateway bounds each text of a gateway's settings: chains and lists of authorities
// are the largest.
const maxGateway = 24 << 10

// Check returns an error that wraps ErrPolicy for settings that cannot be used. It
// names the setting and shows no secret.
func (g Gateway) Check() error {
	seen := map[string]bool{}
	for _, h := range g.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		if err := checkHeader(name, h.Value.Reveal()); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%w: header %s is set twice", ErrPolicy, name)
		}
		seen[name] = true
		if err := checkText("the value of header "+name, h.Value.Reveal()); err != nil {
			return err
		}
	}
	if err := g.Basic.check(seen); err != nil {
		return err
	}
	if g.ClientCert != nil {
		if err := g.ClientCert.check(); err != nil {
			return err
		}
	}
	if g.CA != "" {
		if len(g.CA) > maxGateway {
			return fmt.Errorf("%w: the authority given with --ca is too large to be a certificate", ErrPolicy)
		}
		if err := trustAll(x509.NewCertPool(), "the authority given with --ca", []byte(g.CA)); err != nil {
			return err
		}
	}
	if g.Pin != nil {
		if _, err := ParseFingerprint(g.Pin.SHA256); err != nil {
			return err
		}
	}
	if _, err := proxyOf(g.Proxy.Reveal(), true); err != nil {
		return err
	}
	if g.UserAgent != "" {
		if _, err := policyUserAgent(g.UserAgent); err != nil {
			return err
		}
	}
	return checkText("the user agent", g.UserAgent)
}

func (b *Basic) check(seen map[string]bool) error {
	if b == nil {
		return nil
	}
	name := http.CanonicalHeaderKey(b.Header)
	why := forbidden[name]
	switch {
	case b.User == "" || strings.ContainsAny(b.User, ":\r\n\x00"):
		return fmt.Errorf("%w: the user name of --basic is empty or holds a colon or a line break", ErrPolicy)
	case name != "Authorization" && name != "Proxy-Authorization" && why != "":
		return fmt.Errorf("%w: header %s cannot carry a user name and password: %s", ErrPolicy, name, why)
	case !isToken(name):
		return fmt.Errorf("%w: %q is not a header name", ErrPolicy, b.Header)
	case seen[name]:
		return fmt.Errorf("%w: header %s is set twice", ErrPolicy, name)
	}
	if err := checkText("the user name of --basic", b.User); err != nil {
		return err
	}
	return checkText("the password of --basic", b.Password.Reveal())
}

func (c *ClientCert) check() error {
	if len(c.Chain) > maxGateway || len(c.Key.Reveal()) > maxGateway {
		return fmt.Errorf("%w: the client certificate or its key is too large to be one", ErrPolicy)
	}
	key := c.Key.Reveal()
	if strings.Contains(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || strings.Contains(key, "Proc-Type: 4,ENCRYPTED") {
		return fmt.Errorf("%w: the key of the client certificate is sealed with a password: give the pair as a .p12 file with --client-p12, "+
			"or unseal it with `openssl pkey -in KEY -out PLAINKEY`", ErrPolicy)
	}
	if _, err := c.certificate(); err != nil {
		return fmt.Errorf("%w: the client certificate and its key do not fit: %w", ErrPolicy, err)
	}
	return nil
}

func checkText(what, text string) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: %s is not valid UTF-8", ErrPolicy, what)
	case len(text) > maxGateway:
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrPolicy, what, maxGateway)
	}
	return nil
}

// ParseFingerprint reads a SHA-256 as browsers, openssl and this program show it, with
// or without colons and a name in front.
func ParseFingerprint(text string) (string, error) {
	clean := strings.ToLower(strings.TrimSpace(text))
	if i := strings.LastIndexAny(clean, "=/"); i >= 0 { // sha256 Fingerprint=AB:CD…
		clean = clean[i+1:]
	}
	clean = strings.TrimPrefix(clean, "sha256:")
	clean = strings.Map(func(r rune) rune { // it is copied from several lines, too
		if r == ':' || r == '-' || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, clean)
	if raw, err := hex.DecodeString(clean); err != nil || len(raw) != 32 {
		return "", fmt.Errorf("%w: the pin is not the SHA-256 of a certificate: 64 hex digits, with or without colons, as "+
			"`openssl x509 -noout -fingerprint -sha256` shows it", ErrPolicy)
	}
	return clean, nil
}

// ParseFor returns what a person typed as the address for a secret in the form of
// Origin. Its error wraps ErrPolicy for anything but an http or https address.
func ParseFor(text string) (string, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", fmt.Errorf("%w: --for takes an address of the server, as https://abs.example.org", ErrPolicy)
	}
	return Origin(u), nil
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
