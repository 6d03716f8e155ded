package tray

import (
	"slices"
	"testing"

	"shelfkeeper/daemon/health"
)

// While the emergency key serves, the user is told once, and one click ends it: the menu
// offers to sign in, not a spare session.
func TestEmergencyKeyIsTold(t *testing.T) {
	a := health.Account{Name: "home", User: "alice", Level: health.Degraded, Condition: health.EmergencyKey.ID,
		Reason: health.EmergencyKey.Text, Remedy: health.EmergencyKey.Remedy, Session: health.Session{Spare: health.SpareMissing}}
	list, mends := wanted(health.Snapshot{Level: health.Degraded, Accounts: []health.Account{a}})
	if len(list) != 1 || list[0].Label != "Re-authenticate" || mends[list[0].Key] != (Command{Act: Reauthenticate, Account: "home"}) {
		t.Errorf("%+v, %+v", list, mends)
	}
	lines := actions(health.Page{}, a, "", notes{}, false)
	if !slices.ContainsFunc(lines, func(l Line) bool { return l.Text == "Re-authenticate" && l.Enabled }) {
		t.Errorf("%+v", lines)
	}
	a.Condition = health.OddTokens.ID
	if list, _ := wanted(health.Snapshot{Level: health.Degraded, Accounts: []health.Account{a}}); len(list) != 0 {
		t.Errorf("another degraded account is told of: %+v", list)
	}
}
