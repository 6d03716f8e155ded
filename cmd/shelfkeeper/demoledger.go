package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// levelOfDemo keeps the log out of the way of what the demo prints.
const levelOfDemo = slog.LevelWarn

// summary is what the demonstration server and the local address counted.
type summary struct {
	Requests          int64  `json:"requests"`
	MediaRequests     int    `json:"media_requests"`
	MediaTokens       int    `json:"media_tokens"` // different access tokens on them
	Rotations         int64  `json:"rotations"`
	Replays           int64  `json:"replays"` // answered within a grace window
	PasswordLogins    int64  `json:"password_logins"`
	Rejected          int64  `json:"rejected"` // 401 that the server gave
	PlayerRequests    uint64 `json:"player_requests"`
	PlayerBytes       uint64 `json:"player_bytes"`
	PlayerRejected    uint64 `json:"player_rejected"` // 401 that players got
	SessionGeneration uint64 `json:"session_generation"`
	// Unknown are the routes that players asked for and the demonstration server lacks.
	Unknown map[string]int `json:"unknown,omitempty"`
}

// farewell prints the server's ledger.
func (d *demo) farewell(e *env, fake *absfake.Server, last *health.Snapshot) error {
	totals := fake.Ledger().Totals()
	media := func(en absfake.Entry) bool {
		return strings.HasPrefix(en.Path, "/api/items/") && strings.Contains(en.Path, "/file/")
	}
	a := summary{
		Requests: totals.Requests, Rotations: totals.Rotations, Replays: totals.Replays,
		PasswordLogins: totals.Logins, Rejected: totals.ByStatus[401], Unknown: totals.Unknown, MediaRequests: fake.Ledger().Count(media),
	}
	// The sign-in asks once, without a real token, whether renewals reach the server.
	a.Rejected -= int64(fake.Ledger().Count(func(en absfake.Entry) bool {
		return en.Path == "/auth/refresh" && en.Status == 401 && en.Refresh == absfake.TokenID(absapi.NoToken)
	}))
	tokens := map[string]bool{}
	for _, en := range fake.Ledger().Entries() {
		if media(en) && en.TokenKind == absfake.TokenAccess {
			tokens[en.Token] = true
		}
	}
	a.MediaTokens = len(tokens)
	if last != nil {
		for _, acc := range last.Accounts {
			a.PlayerRequests += acc.Proxy.Requests
			a.PlayerBytes += acc.Proxy.Bytes
			a.PlayerRejected += acc.Proxy.Unauthorized
			a.SessionGeneration = acc.Session.Generation
		}
	}
	switch {
	case e.json:
		return e.writeJSON(map[string]any{"counted": a})
	case e.quiet:
		return nil
	}
	for _, route := range slices.Sorted(maps.Keys(a.Unknown)) {
		if _, err := fmt.Fprintf(e.stdout, "The demonstration server does not know %s, which was asked for %d times.\n", route,
			a.Unknown[route]); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(e.stdout, `
What the server counted: %d requests, %d for media with %d different access tokens;
  %d rotations (%d answered within a grace window), %d password logins, %d times 401.
What players saw: %d requests, %s, %d times 401.
`, a.Requests, a.MediaRequests, a.MediaTokens, a.Rotations, a.Replays, a.PasswordLogins, a.Rejected,
		a.PlayerRequests, size(a.PlayerBytes), a.PlayerRejected)
	return err
}
