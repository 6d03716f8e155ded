package players

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A sign-in without a grant is its own grant, and everything of it ends with
// it.
func TestSessionOfItsOwn(t *testing.T) {
	ctx := t.Context()
	g, of := office(t)
	c, pair, err := of.SignIn(ctx, Caller{Scope: ScopeAdmin}, "web page")
	if err != nil {
		t.Fatal(err)
	}
	user := of.Token(ctx, c)
	for _, token := range []string{pair.Access, user} {
		if got, err := of.Caller(ctx, token); err != nil || got.Scope != ScopeAdmin {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if all := g.List("home"); len(all) != 1 || all[0].Kind != KindSession || all[0].Name != "web page" {
		t.Errorf("%+v", all)
	}
	if _, err := of.Caller(ctx, c.Grant); !errors.Is(err, ErrNoGrant) {
		t.Errorf("its id is a secret: %v", err)
	}
	if err := of.SignOut(c); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{pair.Access, user} {
		if _, err := of.Caller(ctx, token); !errors.Is(err, ErrNoGrant) {
			t.Errorf("after signing out: %v", err)
		}
	}
	if len(g.List("")) != 0 {
		t.Error("something stays")
	}
}

func TestWithoutGrant(t *testing.T) {
	_, of := office(t)
	if !of.Alive(Own()) || of.Alive(Caller{}) || of.Token(t.Context(), Own()) != "" || Own().Scope != ScopeListen {
		t.Error("a program of the user listens, and sees no token")
	}
}

// Sign-ins do not pile up: what nobody uses goes, what is used stays.
func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		g, of := office(t)
		secret := must(t)(g.Add("home", "kept", ScopeListen))
		_, kept, err := of.SignIn(ctx, Caller{Scope: ScopeFull}, "used")
		if err != nil {
			t.Fatal(err)
		}
		var last string
		for range maxSessions + 2*newestKept {
			time.Sleep(10 * time.Minute) // Kodi's interval; in a bubble it takes no time
			_, p, err := of.SignIn(ctx, Caller{Scope: ScopeFull}, "kodi")
			if err != nil {
				t.Fatal(err)
			}
			last = p.Access
			if _, err := of.Caller(ctx, kept.Access); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(g.List("home")); n != maxSessions+1 {
			t.Errorf("%d grants", n)
		}
		if _, err := of.Caller(ctx, last); err != nil {
			t.Error(err)
		}
		time.Sleep(sessionIdleLimit + time.Hour)
		if _, _, err := of.SignIn(ctx, Caller{Scope: ScopeFull}, "much later"); err != nil {
			t.Fatal(err)
		}
		if all := g.List("home"); len(all) != 2 {
			t.Errorf("%+v", all)
		}
		if _, err := of.Caller(ctx, secret); err != nil {
			t.Errorf("a grant with a secret ages: %v", err)
		}
	})
}

// Last uses reach the disk some time later, once.
func TestLastUseIsWrittenLazily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, of := office(t)
		secret := must(t)(g.Add("home", "mpv", ScopeListen))
		stored := func() time.Time { return open(t, g.path).List("home")[0].LastUsed }
		for range 100 {
			if _, err := of.Caller(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
		used := g.List("home")[0].LastUsed
		if !stored().IsZero() || used.IsZero() {
			t.Errorf("stored %v, known %v", stored(), used)
		}
		time.Sleep(flushInterval + time.Second)
		synctest.Wait()
		if !stored().Equal(used) {
			t.Errorf("stored %v, want %v", stored(), used)
		}
		time.Sleep(time.Hour)
		if _, err := of.Caller(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if got := stored(); !got.After(used) {
			t.Errorf("closing does not write: %v", got)
		}
	})
}

// A program that signs in again and again within a second keeps its newest
// sign-ins.
func TestNewestSignInsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := OpenGrants(filepath.Join(t.TempDir(), "grants.json"))
		if err != nil {
			t.Fatal(err)
		}
		var made []string
		for range maxSessions + 2*newestKept {
			one, err := g.open("home", "password sign-in", ScopeFull, Process{})
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, one.ID)
		}
		left := g.List("home")
		for _, one := range left {
			if !slices.Contains(made[len(made)-maxSessions:], one.ID) {
				t.Fatalf("an older one stayed: number %d", slices.Index(made, one.ID))
			}
		}
		if len(left) != maxSessions {
			t.Errorf("%d are left", len(left))
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever the clock does, and however many sign in, the newest sign-ins stay, and so
// does one that is in use.
func TestSignInsWithAnyClock(t *testing.T) {
	for _, c := range []struct {
		desc string
		step time.Duration // of the clock, between two sign-ins
	}{{"a second apart", time.Second}, {"a clock that is set back", -time.Minute}} {
		t.Run(c.desc, func(t *testing.T) {
			g, err := OpenGrants(filepath.Join(t.TempDir(), "grants.json"))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
			g.now = func() time.Time { return now }
			var made []string
			for range maxSessions + newestKept + 10 {
				one, err := g.open("home", "password sign-in", ScopeFull, Process{})
				if err != nil {
					t.Fatal(err)
				}
				made = append(made, one.ID)
				if _, err := g.resolve("home", one.ID, "sign-in"); err != nil {
					t.Fatalf("number %d is lost at once: %v", len(made), err)
				}
				now = now.Add(c.step)
			}
			for i, id := range made[len(made)-newestKept:] {
				if _, err := g.resolve("home", id, "sign-in"); err != nil {
					t.Errorf("of the newest, number %d is lost", i)
				}
			}
			if n := len(g.List("home")); n != maxSessions {
				t.Errorf("%d are left", n)
			}
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
