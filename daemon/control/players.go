package control

import (
	"context"
	"time"

	"shelfkeeper/daemon/redact"
)

// Players are the commands about the programs that use an account. An empty
// account means the only one; for Players it means all. The scopes are listen,
// full and admin.
type Players interface {
	// Players lists the grants of an account, without their secrets.
	Players(ctx context.Context, account string) ([]Player, error)
	// AddPlayer makes a grant and returns its secret, which is shown once.
	AddPlayer(ctx context.Context, account, name, scope string) (NewPlayer, error)
	// TrustPlayer lets a program in a webview, whose pages have that origin, come
	// in with a grant.
	TrustPlayer(ctx context.Context, account, player, origin string) error
	// RevokePlayer takes a grant away, by its name or id.
	RevokePlayer(ctx context.Context, account, player string) error
	// OpenPage returns an address that opens the account's web page, signed in.
	// It works once and only for a short time.
	OpenPage(ctx context.Context, account, scope string) (string, error)
}

// Player is a grant.
type Player struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`
	Scope    string    `json:"scope"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"` // zero: never
	Origins  []string  `json:"origins,omitempty"`  // of programs in a webview that come in with it
}

// NewPlayer is a new grant, for the user.
type NewPlayer struct {
	Secret   redact.Secret // never stored by a client
	Account  string
	ProxyURL string // the address for players
}

const (
	callPlayers = "POST /v1/players"
	callAdd     = "POST /v1/players/add"
	callTrust   = "POST /v1/players/trust"
	callRevoke  = "POST /v1/players/revoke"
	callOpen    = "POST /v1/open"
)

// playerWire is the body of the calls about one player.
type playerWire struct {
	Account string `json:"account"`
	Player  string `json:"player"`
	Scope   string `json:"scope,omitempty"`
	Origin  string `json:"origin,omitempty"`
}

type playersWire struct {
	Players []Player `json:"players"`
}

type newPlayerWire struct {
	Secret   string `json:"secret"`
	Account  string `json:"account"`
	ProxyURL string `json:"proxy_url"`
}

type openWire struct {
	URL string `json:"url"`
}

// Players lists grants.
func (c *Client) Players(ctx context.Context, account string) ([]Player, error) {
	var out playersWire
	err := c.call(ctx, callPlayers, answerTimeout, accountWire{account}, &out)
	return out.Players, err
}

// AddPlayer makes a grant and returns its secret, which cannot be read again later.
func (c *Client) AddPlayer(ctx context.Context, account, name, scope string) (NewPlayer, error) {
	var out newPlayerWire
	err := c.call(ctx, callAdd, answerTimeout, playerWire{Account: account, Player: name, Scope: scope}, &out)
	return NewPlayer{redact.New(out.Secret), out.Account, out.ProxyURL}, err
}

// TrustPlayer lets programs in a webview, whose pages have that origin, use a grant.
func (c *Client) TrustPlayer(ctx context.Context, account, player, origin string) error {
	return c.call(ctx, callTrust, answerTimeout, playerWire{Account: account, Player: player, Origin: origin}, nil)
}

// RevokePlayer removes a grant by its name or id. All its tokens end at once.
func (c *Client) RevokePlayer(ctx context.Context, account, player string) error {
	return c.call(ctx, callRevoke, answerTimeout, playerWire{Account: account, Player: player}, nil)
}

// OpenPage returns an address that opens the account's web page once.
func (c *Client) OpenPage(ctx context.Context, account, scope string) (string, error) {
	var out openWire
	err := c.call(ctx, callOpen, answerTimeout, playerWire{Account: account, Scope: scope}, &out)
	return out.URL, err
}
