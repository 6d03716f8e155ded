package livesocket

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/wsconn"
)

func TestMissed(t *testing.T) {
	of := func(s string) (user, []entry) {
		t.Helper()
		u, entries, err := userOf(json.RawMessage(s))
		if err != nil {
			t.Fatal(err)
		}
		return u, entries
	}
	const head = `{"id":"u","username":"demo","bookmarks":[],"mediaProgress":[`
	one, two := `{"id":"a","libraryItemId":"i","episodeId":null,"lastUpdate":10}`, `{"id":"b","libraryItemId":"j","lastUpdate":20}`
	for _, c := range []struct {
		desc, before, after string
		names               []string
	}{
		{"nothing", head + one + `],"lastSeen":1}`, head + one + `],"lastSeen":2,"token":"x"}`, nil},
		{"moved", head + one + `]}`, head + strings.Replace(one, "10", "11", 1) + `]}`, []string{"user_updated", "user_item_progress_updated"}},
		{"older than known", head + one + `]}`, head + strings.Replace(one, "10", "9", 1) + `]}`, nil},
		{"begun", head + one + `]}`, head + one + `,` + two + `]}`, []string{"user_updated", "user_item_progress_updated"}},
		{"all begun", head + `]}`, head + one + `,` + two + `]}`, []string{"user_updated", "user_item_progress_updated",
			"user_item_progress_updated"}},
		{"forgotten", head + one + `]}`, head + `]}`, []string{"user_updated"}},
		{"a bookmark", head + `]}`, strings.Replace(head, "[]", `[{"time":5}]`, 1) + `]}`, []string{"user_updated"}},
		{"renamed", head + `]}`, strings.Replace(head, "demo", "demo2", 1) + `]}`, []string{"user_updated"}},
	} {
		before, _ := of(c.before)
		after, entries := of(c.after)
		var names []string
		for _, e := range before.missed(after, entries) {
			names = append(names, e.Name)
		}
		if !slices.Equal(names, c.names) {
			t.Errorf("%s: %v", c.desc, names)
		}
		if n := len((user{}).missed(after, entries)); n != 0 {
			t.Errorf("%s: %d events from knowing nothing", c.desc, n)
		}
		// What was told live is not missed.
		before.learn(eventOf("user_updated", after.raw))
		if n := len(before.missed(after, entries)); n != 0 {
			t.Errorf("%s: %d events after it was told", c.desc, n)
		}
	}
	for _, junk := range []string{``, `null`, `[]`, `{}`, `{"id":"u"}`, `{"id":"u","mediaProgress":7}`, `{"mediaProgress":[]}`} {
		if _, _, err := userOf(json.RawMessage(junk)); err == nil {
			t.Errorf("%s is a user", junk)
		}
	}
	u, _ := of(head + one + `]}`)
	u.learn(wsconn.Event{Name: "user_updated", Args: json.RawMessage(`[{"id":"another","mediaProgress":[]}]`)})
	if len(u.progress) != 1 {
		t.Error("another user's event was taken for the own")
	}
}
