package session

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/signin"
)

// withKey is withSpare with an emergency key of thirty days.
func withKey(t *testing.T, cfg absfake.Config, test func(*rig)) {
	t.Helper()
	withSpare(t, cfg, func(r *rig) {
		if _, err := r.keepKey(30 * 24 * time.Hour); err != nil {
			r.Fatal(err)
		}
		test(r)
	})
}

func (r *rig) keepKey(life time.Duration) (absapi.Token, error) {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	key, err := signin.EmergencyKey{Account: r.account, Server: r.up.Base().String(), UserID: r.record().UserID, Access: r.mustToken(),
		Name: "emergency", Life: life, Vault: r.vault, Client: absapi.New(conn, r.up.Base())}.Keep(r.Context())
	r.s.Reload()
	synctest.Wait()
	return key, err
}

// ask asks for a token as a player's request does.
func (r *rig) ask() (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	return r.s.Token(ctx)
}

// loseAll ends the session and its spares at the server.
func (r *rig) loseAll() {
	r.Helper()
	for _, token := range append(r.record().Spares(), r.record().Refresh) {
		r.end(token)
	}
}

// A session without a password is lost with its spare: the emergency key serves until
// the user signs in again, also after a restart, and is used for nothing else.
func TestEmergencyKeyServesALostSession(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withKey(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			key := r.record().EmergencyKey
			if got := r.snapshot(); got.EmergencyKey != health.KeyKept || got.EmergencyKeyEndsAt.IsZero() {
				r.Errorf("shown: %+v", got)
			}
			if _, secrets := r.s.Secrets(); !slices.Contains(secrets, key) {
				r.Error("it may reach a player")
			}
			for range 8 { // all is well
				time.Sleep(20 * time.Minute)
				if r.mustToken() == key {
					r.Fatal("it is used although the session is alive")
				}
			}
			r.loseAll()
			for _, restart := range []bool{false, true} {
				if restart {
					r.s.Close()
					r.start()
				}
				time.Sleep(2 * time.Hour)
				_, _ = r.ask() // which finds out
				time.Sleep(time.Minute)
				if token := r.mustToken(); token != key {
					r.Errorf("restart %v: another token\n%s", restart, r.log)
				}
				if v := r.level(); v.Level != health.Degraded || v.Condition != health.EmergencyKey.ID || !r.s.SignedIn() {
					r.Errorf("restart %v: level %+v", restart, v)
				}
				if got := r.snapshot().EmergencyKey; got != health.KeyInUse {
					r.Errorf("shown: %q", got)
				}
			}
			var u *Unavailable
			if err := r.s.Reauthenticate(r.Context(), false); !errors.As(err, &u) || u.Condition.ID != health.EmergencyKey.ID {
				r.Errorf("a click without a sign-in: %v", err)
			}
			if token := r.mustToken(); token != key {
				r.Error("a click ends its use")
			}
			r.signInWithoutPassword()
			time.Sleep(time.Minute)
			if token := r.mustToken(); token == key || r.record().EmergencyKey != key {
				r.Errorf("signed in again: %v\n%s", token == key, r.log)
			}
			if v := r.level(); v.Level != health.OK {
				r.Errorf("level %+v", v)
			}
			if got := r.snapshot().EmergencyKey; got != health.KeyKept {
				r.Errorf("shown: %q", got)
			}
		})
	})
}

// signInWithoutPassword signs in as after a sign-in through OpenID.
func (r *rig) signInWithoutPassword() {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	_, err := signin.SignIn{Account: r.account, Server: r.up.Base().String(),
		Means: signin.ByPassword{Username: "demo", Password: redact.New("demo")},
		Vault: r.vault, Budget: r.budget, Client: absapi.New(conn, r.up.Base())}.Do(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	r.s.Reload()
	synctest.Wait()
}

// A server that is away for a day, or that answers with pages, is no reason to use it.
func TestEmergencyKeyWaitsWithTheSession(t *testing.T) {
	for _, fault := range []absfake.Fault{{Kind: absfake.Refuse}, {Kind: absfake.Answer, Status: 502, Path: "/auth/refresh"},
		{Kind: absfake.Answer, Status: 401, Path: "/auth/refresh"}} {
		withKey(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
			stop := r.fake.Inject(fault)
			for range 8 {
				time.Sleep(30 * time.Minute)
				if token, err := r.ask(); err == nil && token == r.record().EmergencyKey {
					r.Fatalf("%+v: it is used", fault)
				}
			}
			stop()
			time.Sleep(10 * time.Minute)
			if token := r.mustToken(); token == r.record().EmergencyKey {
				r.Errorf("%+v: it is used afterwards", fault)
			}
		})
	}
}

// A key that an admin has removed, and one that has ended, leave the account to its user.
func TestEmergencyKeyThatIsNoUse(t *testing.T) {
	for _, c := range []struct {
		desc  string
		spoil func(r *rig, key redact.Secret)
		shown string
	}{
		{"removed", func(r *rig, key redact.Secret) {
			conn := r.up.Private()
			defer conn.Close()
			if err := signin.EndKey(r.Context(), absapi.New(conn, r.up.Base()), key, redact.Secret{}); err != nil {
				r.Fatal(err)
			}
			if _, err := r.s.Suspect(r.Context(), key); err == nil {
				r.Error("another token was found")
			}
			time.Sleep(time.Minute)
		}, health.KeyRefused},
		{"ended", func(*rig, redact.Secret) { time.Sleep(31 * 24 * time.Hour) }, health.KeyEnded},
	} {
		withKey(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
			key := r.record().EmergencyKey
			r.loseAll()
			time.Sleep(2 * time.Hour)
			_, _ = r.ask()
			time.Sleep(time.Minute)
			if r.mustToken() != key {
				r.Fatalf("%s: it is not used\n%s", c.desc, r.log)
			}
			c.spoil(r, key)
			if v := r.level(); v.Condition != health.SessionLost.ID {
				r.Errorf("%s: level %+v", c.desc, v)
			}
			if got := r.snapshot().EmergencyKey; got != c.shown {
				r.Errorf("%s: shown %q", c.desc, got)
			}
			if _, err := r.ask(); err == nil {
				r.Errorf("%s: there is a token", c.desc)
			}
			if r.record().EmergencyKey != key {
				r.Errorf("%s: a secret was erased", c.desc)
			}
		})
	}
}

// Signing out removes the key at the server, and says so where that failed.
func TestSignOutRemovesTheEmergencyKey(t *testing.T) {
	for _, down := range []bool{false, true} {
		withKey(t, absfake.Config{}, func(r *rig) {
			key := r.record().EmergencyKey
			if down {
				defer r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})()
			}
			err := r.s.SignOut(r.Context())
			if down != errors.Is(err, signin.ErrKeyLeft) || !down && err != nil {
				r.Errorf("down %v: %v", down, err)
			}
			if r.accepted(key) {
				r.Error("the key works still")
			}
		})
	}
}

// The key that takes another one's place, the one that a password makes superfluous, and
// the one that is dropped end at the server.
func TestReplacedEmergencyKeysEnd(t *testing.T) {
	withKey(t, absfake.Config{}, func(r *rig) {
		first := r.record().EmergencyKey
		second, err := r.keepKey(time.Hour)
		if err != nil || r.accepted(first) || !r.accepted(second.Secret) {
			r.Errorf("%v; the first works: %v", err, r.accepted(first))
		}
		conn := r.up.Private()
		defer conn.Close()
		drop := signin.EmergencyKey{Account: r.account, Server: r.up.Base().String(), UserID: r.record().UserID, Vault: r.vault,
			Client: absapi.New(conn, r.up.Base())}
		if err := drop.Drop(r.Context()); err != nil || r.accepted(second.Secret) || !r.record().EmergencyKey.IsEmpty() {
			r.Errorf("dropped: %v", err)
		}
		if err := drop.Drop(r.Context()); !errors.Is(err, signin.ErrNoKey) {
			r.Errorf("dropped twice: %v", err)
		}
		r.s.Reload()
		synctest.Wait()
		third, err := r.keepKey(time.Hour)
		if err != nil {
			r.Fatal(err)
		}
		r.signIn("demo")
		if rec := r.record(); r.accepted(third.Secret) || !rec.EmergencyKey.IsEmpty() || !rec.Password.IsStored() {
			r.Error("a stored password leaves a key behind")
		}
	})
}

// Without TLS another server may have the address in another network: it gets no key.
func TestEmergencyKeyStaysFromAStranger(t *testing.T) {
	withKey(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		_, away := r.roam(absfake.R2360)
		key := r.record().EmergencyKey
		r.loseAll()
		time.Sleep(2 * time.Hour)
		_, _ = r.ask()
		time.Sleep(time.Minute)
		if r.mustToken() != key {
			r.Fatalf("it is not used\n%s", r.log)
		}
		away(true)
		for range 12 {
			if token, err := r.ask(); err == nil {
				r.Fatalf("abroad a token is given out, the key: %v\n%s", token == key, r.log)
			}
			time.Sleep(10 * time.Minute)
		}
		if v := r.level(); v.Condition != health.ServerUnrecognised.ID {
			r.Errorf("level abroad: %+v", v)
		}
		away(false)
		time.Sleep(time.Minute)
		if r.mustToken() != key {
			r.Errorf("at home again\n%s", r.log)
		}
	})
}
