package absfake

import (
	"testing"
	"time"
)

// What each kind of token does, on each release.
func TestSocketAuth(t *testing.T) {
	for _, release := range Releases() {
		f, err := factsOf(release)
		if err != nil {
			t.Fatal(err)
		}
		if !f.jwtSessions {
			continue
		}
		invalid := `42["auth_failed",{"message":"Invalid token"}]`
		t.Run(string(release), func(t *testing.T) {
			bubbled(t, Config{Release: release, AccessTTL: time.Minute}, func(w *world) {
				fresh := w.loginAs("alice", "a")
				expired := fresh.access
				time.Sleep(2 * time.Minute)
				fresh = w.loginAs("alice", "a")
				w.s.mu.Lock()
				u := w.s.userByNameLocked("alice")
				ok := `42["init",` + string(toJSON(object{{"userId", u.id}, {"username", "alice"}})) + `]`
				legacy, foreign := u.legacy, w.s.sign([]byte("other"), u, TokenAccess, time.Hour)
				nobody := w.s.sign(w.s.secret, &user{id: newUUID(), name: "x"}, TokenAccess, time.Hour)
				nameless := w.s.sign(w.s.secret, &user{name: "key"}, "api", time.Hour)
				w.s.mu.Unlock()
				asRefresh := ok
				if !f.refreshAsBearer {
					asRefresh = invalid
				}
				for _, c := range []struct{ desc, frame, want string }{
					{"access", encodeEvent("auth", fresh.access), ok},
					{"legacy", encodeEvent("auth", legacy), ok},
					{"refresh", encodeEvent("auth", fresh.refresh), asRefresh},
					{"expired", encodeEvent("auth", expired), invalid},
					{"garbage", `42["auth","garbage"]`, invalid},
					{"empty", `42["auth",""]`, invalid},
					{"other secret", encodeEvent("auth", foreign), invalid},
					{"user that is not", encodeEvent("auth", nobody), invalid},
					{"API key", encodeEvent("auth", nameless), invalid},
					{"null", `42["auth",null]`, invalid},
					{"number", `42["auth",7]`, invalid},
					{"object", encodeEvent("auth", m{"token": fresh.access}), invalid},
					{"list", encodeEvent("auth", []string{fresh.access}), invalid},
					{"no argument", `42["auth"]`, invalid},
					{"with an acknowledgement, which never comes", "421" + encodeEvent("auth", fresh.access)[2:], ok},
					{"bearer prefix", encodeEvent("auth", "Bearer "+fresh.access), invalid},
				} {
					s := w.open()
					s.send(c.frame)
					if f := s.next(); f != c.want {
						t.Errorf("%s: %q, want %q", c.desc, f, c.want)
					}
					s.auth(fresh.access) // whatever came before
					if f := s.next(); f != ok {
						t.Errorf("%s, then a good one: %q", c.desc, f)
					}
					s.silent()
				}
			})
		})
	}
}

func TestSocketAuthOfDisabledUser(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		token := w.loginAs("alice", "a").access
		s := w.open()
		s.auth(token)
		s.await("init")
		if err := w.s.SetDisabled("alice", true); err != nil {
			t.Fatal(err)
		}
		s.auth(token)
		if f := s.next(); f != `42["auth_failed",{"message":"Invalid user"}]` {
			t.Errorf("disabled: %q", f)
		}
		if err := w.s.SetDisabled("alice", false); err != nil {
			t.Fatal(err)
		}
		if err := w.s.DeleteUser("alice"); err != nil {
			t.Fatal(err)
		}
		s.auth(token)
		if f := s.next(); f != `42["auth_failed",{"message":"Invalid token"}]` {
			t.Errorf("deleted: %q", f)
		}
	})
}

// A token anywhere but in the event authenticates nothing.
func TestSocketIgnoresOtherTokens(t *testing.T) {
	bubbled(t, Config{}, func(w *world) {
		tokens := w.loginAs("alice", "a")
		s := w.dial(socketURL + "&token=" + tokens.access)
		s.next()
		s.send("40" + string(toJSON(m{"token": tokens.access})))
		s.next()
		item := w.s.Library().Tracks().ID
		w.do("PATCH", "/api/me/progress/"+item, m{"currentTime": 5}, "Authorization", "Bearer "+tokens.access)
		s.silent()
		if open := w.s.Ledger().OpenSockets("alice"); len(open) != 0 {
			t.Errorf("the ledger takes it for %v", open)
		}
	})
}

// Rotation, the token's end and a failed authentication leave events flowing;
// another user's token takes them over.
func TestSocketAuthIsKept(t *testing.T) {
	bubbled(t, Config{AccessTTL: time.Minute}, func(w *world) {
		first := w.loginAs("alice", "a")
		s := w.open()
		s.auth(first.access)
		s.expect("init")
		now := w.mustRefresh(first.refresh)
		s.follow(80*time.Second, true)
		s.auth(first.access)
		s.expect("auth_failed")
		now = w.mustRefresh(now.refresh)
		patch := func(token string) {
			t.Helper()
			item := w.s.Library().Tracks().ID
			if r := w.do("PATCH", "/api/me/progress/"+item, m{"currentTime": 5}, "Authorization", "Bearer "+token); r.status != 200 {
				t.Fatalf("progress: %d", r.status)
			}
		}
		patch(now.access)
		if u := s.expect("user_updated").(map[string]any); u["username"] != "alice" || u["token"] == "" {
			t.Errorf("user_updated: %v", u)
		}
		bob := w.loginAs("bob", "b")
		s.auth(bob.access)
		s.expect("init")
		patch(now.access)
		s.silent()
		patch(bob.access)
		s.expect("user_updated")
	})
}

// Before 2.26 a refusal has another name, and a disabled user is none.
func TestSocketAuthOfOldRelease(t *testing.T) {
	bubbled(t, Config{Release: R2251}, func(w *world) {
		w.s.mu.Lock()
		legacy := w.s.userByNameLocked("alice").legacy
		w.s.mu.Unlock()
		s := w.open()
		s.send(`42["auth","garbage"]`)
		if f := s.next(); f != `42["invalid_token"]` {
			t.Errorf("garbage: %q", f)
		}
		s.auth(legacy)
		s.expect("init")
		if err := w.s.SetDisabled("alice", true); err != nil {
			t.Fatal(err)
		}
		s.auth(legacy)
		s.expect("init")
		s.silent()
	})
}
