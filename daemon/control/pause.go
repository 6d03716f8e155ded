package control

import (
	"context"
	"net/http"
	"time"
)

const (
	callPause  = "POST /v1/pause"
	callResume = "POST /v1/resume"
)

// Pausing is an optional interface of a Daemon: to serve no player for a while.
// An empty name means every account. Both return the accounts concerned.
type Pausing interface {
	// Pause lasts until a time, or for a zero one until Resume.
	Pause(ctx context.Context, account string, until time.Time) ([]string, error)
	Resume(ctx context.Context, account string) ([]string, error)
}

// pauseWire is the body of pause and resume, and namesWire their answer.
type pauseWire struct {
	Account string    `json:"account"`
	Until   time.Time `json:"until,omitzero"`
}

type namesWire struct {
	Accounts []string `json:"accounts"`
}

// Pause makes the daemon refuse the players of an account, or of all accounts for an
// empty name, until that time or for a zero time until Resume. It returns the accounts.
func (c *Client) Pause(ctx context.Context, account string, until time.Time) ([]string, error) {
	var out namesWire
	err := c.call(ctx, callPause, answerTimeout, pauseWire{account, until}, &out)
	return out.Accounts, err
}

// Resume ends the pause of an account, or of all accounts for an empty name. It returns
// the accounts.
func (c *Client) Resume(ctx context.Context, account string) ([]string, error) {
	var out namesWire
	err := c.call(ctx, callResume, answerTimeout, pauseWire{Account: account}, &out)
	return out.Accounts, err
}

// pauseRoutes are the calls for pauses.
func pauseRoutes(p Pausing) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callPause: unlogged(func(ctx context.Context, in pauseWire) (namesWire, error) {
			names, err := p.Pause(ctx, in.Account, in.Until)
			return namesWire{names}, err
		}),
		callResume: unlogged(func(ctx context.Context, in pauseWire) (namesWire, error) {
			names, err := p.Resume(ctx, in.Account)
			return namesWire{names}, err
		}),
	}
}
