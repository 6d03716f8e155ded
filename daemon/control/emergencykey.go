package control

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// EmergencyKeyDays is how long an emergency key lasts unless told otherwise, and
// EmergencyKeyMostDays how long it may.
const (
	EmergencyKeyDays     = 30
	EmergencyKeyMostDays = 365
)

// EmergencyKeys is an optional interface of a Daemon: an API key with an end that stands
// in for a lost session of an admin who signs in through OpenID.
type EmergencyKeys interface {
	// KeepEmergencyKey makes a key that ends after so many days, in the place of one that
	// was kept before.
	KeepEmergencyKey(ctx context.Context, account string, days int) (EmergencyKeyView, error)
	// DropEmergencyKey forgets the key and removes it at the server.
	DropEmergencyKey(ctx context.Context, account string) (EmergencyKeyView, error)
}

// EmergencyKeyView is what may be shown of an account's emergency key.
type EmergencyKeyView struct {
	Account string    `json:"account"`
	EndsAt  time.Time `json:"ends_at,omitzero"` // zero: none is kept
	Notes   []string  `json:"notes,omitempty"`  // one sentence each
}

const (
	callKeepKey = "POST /v1/emergency-key/keep"
	callDropKey = "POST /v1/emergency-key/drop"
)

// keepKeyWire is the body of emergency-key/keep.
type keepKeyWire struct {
	Account string `json:"account"`
	Days    int    `json:"days"`
}

func emergencyKeyRoutes(k EmergencyKeys, log *slog.Logger) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callKeepKey: command(log, "emergency-key keep", func(ctx context.Context, in keepKeyWire) (EmergencyKeyView, error) {
			return k.KeepEmergencyKey(ctx, in.Account, in.Days)
		}),
		callDropKey: command(log, "emergency-key drop", func(ctx context.Context, in accountWire) (EmergencyKeyView, error) {
			return k.DropEmergencyKey(ctx, in.Account)
		}),
	}
}

// KeepEmergencyKey makes an emergency key that ends after so many days, and replaces
// the one that was kept before.
func (c *Client) KeepEmergencyKey(ctx context.Context, account string, days int) (EmergencyKeyView, error) {
	var out EmergencyKeyView
	err := c.call(ctx, callKeepKey, commandTimeout, keepKeyWire{account, days}, &out)
	return out, err
}

// DropEmergencyKey forgets the emergency key and removes it at the server.
func (c *Client) DropEmergencyKey(ctx context.Context, account string) (EmergencyKeyView, error) {
	var out EmergencyKeyView
	err := c.call(ctx, callDropKey, commandTimeout, accountWire{account}, &out)
	return out, err
}
