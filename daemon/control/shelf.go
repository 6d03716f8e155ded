package control

import (
	"context"
	"net/http"
	"time"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/players"
)

const (
	callSearch    = "POST /v1/search"
	callEpisodes  = "POST /v1/episodes"
	callPlayLogin = "POST /v1/play"
)

// searchTimeout bounds a search: the server may be asked a dozen times, and a temporary
// failure is waited out.
const searchTimeout = 2 * time.Minute

// Shelves is an optional interface of a Daemon: what the libraries of an account's server
// hold.
type Shelves interface {
	// Search finds items by words, or one by its id.
	Search(ctx context.Context, account, words string) (SearchAnswer, error)
	// Episodes returns the newest episodes of a podcast.
	Episodes(ctx context.Context, account, podcast string) (library.Found, error)
	// PlayerGrant begins a sign-in of a player of the user that lasts until it signs
	// out, or its process ends. It is for where programs need a grant.
	PlayerGrant(ctx context.Context, account string, player players.Process) (access, refresh string, err error)
}

// SearchAnswer is what a search has found.
type SearchAnswer struct {
	Account  string `json:"account"`
	ProxyURL string `json:"proxy_url"` // the address for players
	library.Found
}

type searchWire struct {
	Account string `json:"account"`
	Words   string `json:"words"`
}

type playLoginWire struct {
	Account string          `json:"account"`
	Process players.Process `json:"process"`
}

type grantWire struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
}

// Search finds what an account can hear.
func (c *Client) Search(ctx context.Context, account, words string) (SearchAnswer, error) {
	var out SearchAnswer
	err := c.call(ctx, callSearch, searchTimeout, searchWire{account, words}, &out)
	return out, err
}

// Episodes returns the newest episodes of a podcast.
func (c *Client) Episodes(ctx context.Context, account, podcast string) (library.Found, error) {
	var out library.Found
	err := c.call(ctx, callEpisodes, searchTimeout, searchWire{account, podcast}, &out)
	return out, err
}

// PlayerGrant begins a sign-in of this process as a player.
func (c *Client) PlayerGrant(ctx context.Context, account string) (access, refresh string, err error) {
	var out grantWire
	err = c.call(ctx, callPlayLogin, answerTimeout, playLoginWire{account, players.Self()}, &out)
	return out.Access, out.Refresh, err
}

// shelfRoutes are the calls about libraries.
func shelfRoutes(s Shelves) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callSearch: unlogged(func(ctx context.Context, in searchWire) (SearchAnswer, error) {
			return s.Search(ctx, in.Account, in.Words)
		}),
		callEpisodes: unlogged(func(ctx context.Context, in searchWire) (library.Found, error) {
			return s.Episodes(ctx, in.Account, in.Words)
		}),
		callPlayLogin: unlogged(func(ctx context.Context, in playLoginWire) (grantWire, error) {
			access, refresh, err := s.PlayerGrant(ctx, in.Account, in.Process)
			return grantWire{access, refresh}, err
		}),
	}
}
