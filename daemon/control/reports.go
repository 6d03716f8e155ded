package control

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

const (
	callSetAside = "POST /v1/progress/list"
	callRetry    = "POST /v1/progress/retry"
	callDrop     = "POST /v1/progress/drop"
)

// Reports is an optional interface of a Daemon: the reports of listening that
// the server refused. An empty account is the only one there is.
type Reports interface {
	SetAside(ctx context.Context, account string) ([]SetAsideReport, error)
	// RetrySetAside and DropSetAside act on these reports, on all without ids,
	// and return how many.
	RetrySetAside(ctx context.Context, account string, ids []uint64) (int, error)
	DropSetAside(ctx context.Context, account string, ids []uint64) (int, error)
}

// SetAsideReport is a report of listening that is kept and not sent any more.
type SetAsideReport struct {
	ID        uint64    `json:"id"`
	At        time.Time `json:"at"` // when it was set aside
	Reason    string    `json:"reason"`
	Item      string    `json:"item"` // of the library
	Episode   string    `json:"episode"`
	Reports   int       `json:"reports"` // of the player that went into it
	Seconds   float64   `json:"seconds"` // listened; 0 for a place
	Retryable bool      `json:"retryable"`
}

type reportsWire struct {
	Account string   `json:"account"`
	IDs     []uint64 `json:"ids"`
}

type setAsideWire struct {
	Reports []SetAsideReport `json:"reports"`
}

type countWire struct {
	Count int `json:"count"`
}

// SetAside returns an account's reports that were set aside, oldest first.
func (c *Client) SetAside(ctx context.Context, account string) ([]SetAsideReport, error) {
	var out setAsideWire
	err := c.call(ctx, callSetAside, answerTimeout, reportsWire{Account: account}, &out)
	return out.Reports, err
}

// RetrySetAside sends reports again that were set aside, all of them without ids, and
// returns how many. They wait for the server like new ones.
func (c *Client) RetrySetAside(ctx context.Context, account string, ids []uint64) (int, error) {
	return c.aboutReports(ctx, callRetry, account, ids)
}

// DropSetAside deletes reports that were set aside, all of them without ids, and
// returns how many.
func (c *Client) DropSetAside(ctx context.Context, account string, ids []uint64) (int, error) {
	return c.aboutReports(ctx, callDrop, account, ids)
}

func (c *Client) aboutReports(ctx context.Context, call, account string, ids []uint64) (int, error) {
	var out countWire
	err := c.call(ctx, call, answerTimeout, reportsWire{account, ids}, &out)
	return out.Count, err
}

// reportRoutes are the calls about reports of listening.
func reportRoutes(r Reports, log *slog.Logger) map[string]http.HandlerFunc {
	about := func(what string, act func(context.Context, string, []uint64) (int, error)) http.HandlerFunc {
		return command(log, what, func(ctx context.Context, in reportsWire) (countWire, error) {
			n, err := act(ctx, in.Account, in.IDs)
			return countWire{n}, err
		})
	}
	return map[string]http.HandlerFunc{
		callSetAside: unlogged(func(ctx context.Context, in reportsWire) (setAsideWire, error) {
			list, err := r.SetAside(ctx, in.Account)
			return setAsideWire{list}, err
		}),
		callRetry: about("progress retry", r.RetrySetAside),
		callDrop:  about("progress drop", r.DropSetAside),
	}
}
