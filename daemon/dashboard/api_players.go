package dashboard

import (
	"context"
	"time"

	"shelfkeeper/daemon/redact"
)

// Players are the acts on the programs that use an account.
type Players interface {
	Players(ctx context.Context, account string) ([]Player, error)
	AddPlayer(ctx context.Context, account, name, scope string) (NewPlayer, error)
	// TrustPlayer lets programs in a webview, whose pages have that origin, come in
	// with a grant.
	TrustPlayer(ctx context.Context, account, player, origin string) error
	RevokePlayer(ctx context.Context, account, player string) error
}

// Player is a grant, without its secret.
type Player struct {
	ID, Account, Name, Kind, Scope string
	Created, LastUsed              time.Time
	Origins                        []string
}

// NewPlayer is a new grant.
type NewPlayer struct {
	Secret   redact.Secret
	Account  string
	ProxyURL string
}

// Pauses let players wait, by the user's wish.
type Pauses interface {
	Pause(ctx context.Context, account string, until Pause) error
	Resume(ctx context.Context, account string) error
}

// Pause is how long players wait: until tomorrow, for a time, or until Resume.
type Pause struct {
	Tomorrow bool
	For      time.Duration
}

// Reports are reports of listening that the server refused.
type Reports interface {
	SetAside(ctx context.Context, account string) ([]Report, error)
	// RetrySetAside sends these once more; DropSetAside deletes them.
	RetrySetAside(ctx context.Context, account string, ids []uint64) error
	DropSetAside(ctx context.Context, account string, ids []uint64) error
}

// Report is one that was set aside.
type Report struct {
	ID        uint64
	At        time.Time
	Item      string
	Seconds   float64
	Reason    string
	Retryable bool
}
