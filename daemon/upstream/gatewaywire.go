package upstream

import (
	"encoding/json"
	"fmt"

	"shelfkeeper/daemon/redact"
)

// gatewayVersion is the form in which a Gateway is stored, and the highest that is read.
const gatewayVersion = 1

// gatewayWire is a Gateway or a change of one where its secrets may be read: in the
// sealed part of the vault and on the control socket. A redact.Secret marshals as
// [redacted].
type gatewayWire struct {
	Version    int          `json:"v"`
	Headers    []headerWire `json:"headers,omitempty"`
	Basic      *basicWire   `json:"basic,omitempty"`
	ClientCert *certWire    `json:"client_cert,omitempty"`
	CA         *string      `json:"ca,omitempty"`
	Pin        *pinWire     `json:"pin,omitempty"`
	Proxy      *string      `json:"proxy,omitempty"`
	UserAgent  *string      `json:"user_agent,omitempty"`
}

type headerWire struct {
	Name  string   `json:"name"`
	Value string   `json:"value"`
	For   []string `json:"for,omitempty"`
}

type basicWire struct {
	User     string   `json:"user"`
	Password string   `json:"password"`
	Header   string   `json:"header"`
	For      []string `json:"for,omitempty"`
}

type certWire struct {
	Chain string   `json:"chain"`
	Key   string   `json:"key"`
	For   []string `json:"for,omitempty"`
}

type pinWire struct {
	SHA256 string   `json:"sha256"`
	For    []string `json:"for,omitempty"`
}

// Marshal returns the change with its secrets in clear.
func (c GatewayChange) Marshal() ([]byte, error) {
	w := gatewayWire{Version: gatewayVersion, CA: c.CA, UserAgent: c.UserAgent}
	for _, h := range c.Headers {
		if err := checkText("the value of header "+h.Name, h.Value.Reveal()); err != nil {
			return nil, err
		}
		w.Headers = append(w.Headers, headerWire{h.Name, h.Value.Reveal(), h.For})
	}
	if b := c.Basic; b != nil {
		if err := checkText("the password of --basic", b.Password.Reveal()); err != nil {
			return nil, err
		}
		w.Basic = &basicWire{b.User, b.Password.Reveal(), b.Header, b.For}
	}
	if cert := c.ClientCert; cert != nil {
		w.ClientCert = &certWire{cert.Chain, cert.Key.Reveal(), cert.For}
	}
	if c.Pin != nil {
		w.Pin = &pinWire{c.Pin.SHA256, c.Pin.For}
	}
	if c.Proxy != nil {
		text := c.Proxy.Reveal()
		w.Proxy = &text
	}
	return json.Marshal(w)
}

// UnmarshalGatewayChange reads what Marshal returned. Its error shows nothing of it.
func UnmarshalGatewayChange(data []byte) (GatewayChange, error) {
	var w gatewayWire
	if json.Unmarshal(data, &w) != nil {
		return GatewayChange{}, fmt.Errorf("%w: the gateway's settings are not of the expected form", ErrPolicy)
	}
	if w.Version > gatewayVersion {
		return GatewayChange{}, fmt.Errorf("%w: the gateway's settings were written by a newer version", ErrPolicy)
	}
	c := GatewayChange{CA: w.CA, UserAgent: w.UserAgent}
	for _, h := range w.Headers {
		c.Headers = append(c.Headers, GatewayHeader{h.Name, redact.New(h.Value), h.For})
	}
	if b := w.Basic; b != nil {
		c.Basic = &Basic{b.User, redact.New(b.Password), b.Header, b.For}
	}
	if cert := w.ClientCert; cert != nil {
		c.ClientCert = &ClientCert{cert.Chain, redact.New(cert.Key), cert.For}
	}
	if w.Pin != nil {
		c.Pin = &Pin{w.Pin.SHA256, w.Pin.For}
	}
	if w.Proxy != nil {
		secret := redact.New(*w.Proxy)
		c.Proxy = &secret
	}
	return c, nil
}

// Marshal returns the settings with their secrets in clear, for the vault.
func (g Gateway) Marshal() ([]byte, error) {
	return GatewayChange{Headers: g.Headers, Basic: g.Basic, ClientCert: g.ClientCert, CA: &g.CA, Pin: g.Pin, Proxy: &g.Proxy,
		UserAgent: &g.UserAgent}.Marshal()
}

// UnmarshalGateway reads what Marshal returned.
func UnmarshalGateway(data []byte) (Gateway, error) {
	c, err := UnmarshalGatewayChange(data)
	if err != nil {
		return Gateway{}, err
	}
	return Gateway{}.With(c)
}
