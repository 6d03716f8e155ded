package health

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestConditionShowsOnlyAfterItsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard()
		b.Raise(&ServerUnreachable, "connection refused")
		v, next, changed := b.View()
		if v.Level != OK || next != time.Now().Add(ServerUnreachable.Hold) {
			t.Fatalf("at once: %v, next %v", v, next)
		}
		time.Sleep(time.Until(next))
		start := time.Now()
		v, next, _ = b.View()
		if v.Level != Offline || !next.IsZero() || !v.Since.Equal(start) || !strings.HasSuffix(v.Reason, ": connection refused") {
			t.Fatalf("after the hold: %+v, next %v", v, next)
		}
		select {
		case <-changed:
			t.Fatal("nothing was raised or cleared")
		default:
		}
		time.Sleep(time.Minute)
		b.Raise(&ServerUnreachable, "no route")
		<-changed
		if v, _, _ = b.View(); !v.Since.Equal(start) || !strings.HasSuffix(v.Reason, "no route") {
			t.Errorf("a new detail must not begin the level anew: %+v", v)
		}
		b.Clear(&ServerUnreachable)
		if v, _, _ = b.View(); v.Level != OK || v.Reason != "" || !v.Since.Equal(time.Now()) {
			t.Errorf("cleared: %+v", v)
		}
	})
}

func TestShortTroubleNeverShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard()
		for range 20 {
			b.Raise(&ServerUnreachable, "")
			time.Sleep(ServerUnreachable.Hold - time.Second)
			if v, _, _ := b.View(); v.Level != OK {
				t.Fatalf("shows %v", v)
			}
			b.Clear(&ServerUnreachable)
		}
	})
}

func TestGravestConditionGivesTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard()
		b.Raise(&SlotPending, "")
		b.Raise(&ServerUnreachable, "")
		b.Raise(&PasswordRefused, "")
		time.Sleep(time.Hour)
		if v, _, _ := b.View(); v.Condition != "password-refused" || v.Remedy == "" {
			t.Errorf("got %+v", v)
		}
		b.Replace([]*Condition{&PasswordRefused, &ServerUnreachable}, nil)
		if v, _, _ := b.View(); v.Condition != "slot-pending" {
			t.Errorf("got %+v", v)
		}
		b.Replace([]*Condition{&SlotPending, &ServerUnreachable, &VaultLocked}, []Finding{{&VaultLocked, "x", ""}})
		if v, _, _ := b.View(); v.Condition != "vault-locked" {
			t.Errorf("got %+v", v)
		}
	})
}

// A condition that is missing in the list would never show.
func TestEveryConditionIsDeclaredOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range declared {
		if seen[c.ID] || c.ID == "" || c.Text == "" || c.Level == OK {
			t.Errorf("%q is declared twice or not whole", c.ID)
		}
		if c.Level == NeedsUser && c.Remedy == "" {
			t.Errorf("%q needs the user, but does not say for what", c.ID)
		}
		seen[c.ID] = true
	}
	for i := 1; i < len(declared); i++ {
		if declared[i].Level > declared[i-1].Level {
			t.Errorf("%q stands behind a less grave condition", declared[i].ID)
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "condition.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			if k, ok := kv.Key.(*ast.Ident); ok && k.Name == "ID" {
				if id := strings.Trim(kv.Value.(*ast.BasicLit).Value, `"`); !seen[id] {
					t.Errorf("%q is not in the list", id)
				}
			}
		}
		return true
	})
}

func TestSnapshotJSON(t *testing.T) {
	at := time.Date(2026, 11, 21, 4, 5, 6, 7, time.FixedZone("x", 3600))
	in := Snapshot{Version: "1", Level: NeedsUser, At: At(at), Accounts: []Account{{Name: "a", Level: Offline}}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"at":"2026-11-21T03:05:06Z"`, `"level":"needs-user"`, `"level":"offline"`, `"access_expires_at":null`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
	var out Snapshot
	err = json.Unmarshal(b, &out)
	if err != nil || out.Level != NeedsUser || !out.At.Equal(at.Truncate(time.Second)) || !out.Accounts[0].Since.IsZero() {
		t.Errorf("back: %+v, %v", out, err)
	}
	var l Level
	if l.UnmarshalText([]byte("superb")) == nil {
		t.Error("an unknown level must be an error")
	}
}

func TestWorst(t *testing.T) {
	of := func(levels ...Level) (as []Account) {
		for _, l := range levels {
			as = append(as, Account{Level: l})
		}
		return as
	}
	for _, c := range []struct {
		desc string
		in   []Account
		want Level
	}{
		{"none", nil, NeedsUser},
		{"all well", of(OK, OK), OK},
		{"one offline", of(OK, Offline, Degraded), Offline},
		{"one paused", of(OK, Paused), OK},
		{"all paused", of(Paused, Paused), Paused},
	} {
		if got := Worst(c.in); got != c.want {
			t.Errorf("%s: %v, want %v", c.desc, got, c.want)
		}
	}
}
