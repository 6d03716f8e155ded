package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
)

// Gateways is an optional interface of a Daemon: what the gateway in front of an
// account's server wants.
type Gateways interface {
	// Gateway shows the settings, without secrets.
	Gateway(ctx context.Context, account string) (GatewayView, error)
	// SetGateway makes a change, for requests that begin later, and shows the settings.
	// On an error they are as they were.
	SetGateway(ctx context.Context, account string, change upstream.GatewayChange) (GatewayView, error)
}

// GatewayView is what may be shown of a gateway's settings.
type GatewayView struct {
	Account    string              `json:"account"`
	Headers    []GatewayHeaderView `json:"headers,omitempty"`
	Basic      *GatewayBasicView   `json:"basic,omitempty"`
	ClientCert *GatewayCertView    `json:"client_cert,omitempty"`
	CA         []GatewayCert       `json:"ca,omitempty"`
	Pin        *GatewayPinView     `json:"pin,omitempty"`
	// Proxy is the one in use, "direct" or empty for none; ProxyFrom says what sets it:
	// account, config.toml or environment.
	Proxy     string `json:"proxy,omitempty"`
	ProxyFrom string `json:"proxy_from,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	// FromConfig are the headers of config.toml, which are sent too.
	FromConfig []string `json:"from_config,omitempty"`
}

// GatewayHeaderView is a header without its value. For are the addresses it goes to.
type GatewayHeaderView struct {
	Name string   `json:"name"`
	For  []string `json:"for"`
}

// GatewayBasicView is a user name of a gateway.
type GatewayBasicView struct {
	User   string   `json:"user"`
	Header string   `json:"header"`
	For    []string `json:"for"`
	// TokenInURL says that the server's token stands in the gateway's log.
	TokenInURL bool `json:"token_in_url"`
}

// GatewayCert is a certificate, for a person.
type GatewayCert struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"`
}

// GatewayCertView is the client certificate.
type GatewayCertView struct {
	GatewayCert
	For []string `json:"for"`
}

// GatewayPinView is the pinned certificate of the server.
type GatewayPinView struct {
	SHA256 string   `json:"sha256"`
	For    []string `json:"for"`
}

const (
	callGateway    = "POST /v1/gateway"
	callSetGateway = "POST /v1/gateway/set"
)

// gatewayWire is the body of gateway/set. The change travels with its secrets in clear,
// as in signInWire.
type gatewayWire struct {
	Account string          `json:"account"`
	Change  json.RawMessage `json:"change"`
}

func gatewayRoutes(g Gateways, log *slog.Logger) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callGateway: unlogged(func(ctx context.Context, in accountWire) (GatewayView, error) {
			return g.Gateway(ctx, in.Account)
		}),
		callSetGateway: command(log, "account set", func(ctx context.Context, in gatewayWire) (GatewayView, error) {
			change, err := upstream.UnmarshalGatewayChange(in.Change)
			if err != nil {
				return GatewayView{}, problem.New(problem.Usage, err, "")
			}
			return g.SetGateway(ctx, in.Account, change)
		}),
	}
}

// Gateway shows the settings of the gateway in front of an account's server.
func (c *Client) Gateway(ctx context.Context, account string) (GatewayView, error) {
	var out GatewayView
	err := c.call(ctx, callGateway, commandTimeout, accountWire{account}, &out)
	return out, err
}

// SetGateway changes the settings of the gateway, for requests that begin later, and
// returns the new ones without their secrets. On an error nothing has changed.
func (c *Client) SetGateway(ctx context.Context, account string, change upstream.GatewayChange) (GatewayView, error) {
	var out GatewayView
	body, err := change.Marshal()
	if err != nil {
		return out, problem.New(problem.Usage, err, "")
	}
	err = c.call(ctx, callSetGateway, commandTimeout, gatewayWire{account, body}, &out)
	return out, err
}

// gatewayOf is the change in a request to sign in, nothing where there is none.
func gatewayOf(change upstream.GatewayChange) (json.RawMessage, error) {
	if change.IsZero() {
		return nil, nil
	}
	body, err := change.Marshal()
	if err != nil {
		return nil, problem.New(problem.Usage, err, "")
	}
	return body, nil
}

func changeOf(body json.RawMessage) (upstream.GatewayChange, error) {
	if len(body) == 0 {
		return upstream.GatewayChange{}, nil
	}
	change, err := upstream.UnmarshalGatewayChange(body)
	if err != nil {
		return change, problem.New(problem.Usage, err, "")
	}
	return change, nil
}
