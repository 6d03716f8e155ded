package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestDescribe(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) health.Time { return health.At(now.Add(d)) }
	home := health.Account{
		Name: "home", Server: "https://books.example.org", ServerVersion: "2.36.0", User: "alice", Since: at(-26 * time.Hour),
		Session: health.Session{
			State: "fresh", Method: "password", Generation: 812, AccessExpiresAt: at(21 * time.Minute),
			RefreshExpiresAt: at(20 * 24 * time.Hour),
			NextRotationAt:   at(9*time.Minute + 400*time.Millisecond), Refreshes: 31, PasswordLogins: 1,
			LastRotation: health.LastRotation{At: at(-39 * time.Minute), Outcome: "renewed"},
		},
		Socket: health.Socket{State: "off", Since: at(-26 * time.Hour)},
		Proxy:  health.Proxy{URL: "http://127.0.0.1:13379", Requests: 5120, Bytes: 7_340_000_000, Active: 2},
		Vault:  health.Vault{Backend: "os", Condition: "ok"},
	}
	locked := health.Account{
		Name: "attic", Server: "http://192.168.1.20:13378", User: "bob", Level: health.NeedsUser, Condition: health.VaultLocked.ID,
		Reason: health.VaultLocked.Text, Remedy: health.VaultLocked.Remedy, Since: at(-300 * time.Millisecond),
		Session: health.Session{State: "vault-unavailable"},
		Proxy:   health.Proxy{URL: "http://127.0.0.1:13381", Requests: 3, Bytes: 950},
		Vault:   health.Vault{Backend: "os", Condition: "vault-locked"},
	}
	offline := home
	offline.Level, offline.Since = health.Offline, at(-90*time.Second)
	offline.Condition, offline.Reason = health.ServerUnreachable.ID, health.ServerUnreachable.Text+": connection refused"
	offline.Session.State, offline.Session.NextRotationAt = "offline", at(-time.Second)
	offline.Session.LastRotation.Outcome = "connection refused"
	offline.Proxy.Bytes = 1_250_000
	offline.Progress = health.Progress{Waiting: 12, Oldest: at(-80 * time.Second), SetAside: 1, SetAsideReason: "Library item not found",
		OtherUsers: 2}
	lost := locked
	lost.Name, lost.Condition, lost.Since = "lost", health.SessionLost.ID, at(-2*time.Minute)
	lost.Loss = &health.Loss{At: at(-2 * time.Minute), Cause: "renamed", Certain: true, Sentence: "this user is called \"zoe\" now",
		Remedy: "run `shelfkeeper login` with the new name"}
	lost.Reason, lost.Remedy = health.SessionLost.Text+": "+lost.Loss.Sentence, lost.Loss.Remedy
	back, over := home, home
	back.Loss = &health.Loss{At: at(-50 * time.Hour), Sentence: "the server's answer was lost", Recovered: true}
	over.Loss = &health.Loss{At: at(-200 * time.Hour), Sentence: "long ago", Recovered: true}
	refused := home
	refused.Proxy.Refused = []health.Refused{
		{Program: "audiobookshelf-ht (process 812)", Origin: "app://htpc", Reason: "other-origin", Count: 12, Last: at(-time.Minute),
			Cause: "a page of another origin asked for this (app://htpc)", Remedy: "trust it: `shelfkeeper players trust NAME app://htpc`"},
		{Program: "Toutui", Reason: "bad-grant", Count: 1, Last: at(-2 * time.Hour), Cause: "the player's token or password is no valid grant",
			Remedy: "give it the current grant, or nothing at all if it runs as the same user"},
	}
	spare := home
	spare.Session.Method, spare.Session.Spare = "openid", health.SpareKept
	none := back
	none.Session.Method, none.Session.Spare, none.Through = "openid", health.SpareMissing, "http://proxy:3128, which the environment sets"
	idle := home
	idle.Session.NextRotationAt, idle.Session.Idle = health.Time{}, true
	for name, s := range map[string]health.Snapshot{
		"idle":        {Version: "1.2.3", Level: health.OK, Accounts: []health.Account{idle}},
		"spare":       {Version: "1.2.3", Level: health.OK, Accounts: []health.Account{spare, none}},
		"refused":     {Version: "1.2.3", Level: health.OK, Accounts: []health.Account{refused}},
		"ok":          {Version: "1.2.3", Level: health.OK, Accounts: []health.Account{home}},
		"needs-user":  {Version: "1.2.3", Level: health.NeedsUser, Accounts: []health.Account{home, locked}},
		"offline":     {Version: "1.2.3", Level: health.Offline, Accounts: []health.Account{offline}},
		"lost":        {Version: "1.2.3", Level: health.NeedsUser, Accounts: []health.Account{lost, back, over}},
		"no-accounts": {Version: "1.2.3", Level: health.NeedsUser},
		"no-panel": {Version: "1.2.3", Level: health.OK, Accounts: []health.Account{home},
			Tray: &health.Tray{Condition: "no-host", Reason: "no panel shows the icon", Remedy: "add the item Status Tray to the panel"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "status", name+".txt")
			got := describe(s, now, false)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got != string(want) {
				t.Errorf("status is\n%s\nnot, as in %s,\n%s\n%v", got, path, want, err)
			}
		})
	}
}
