package signin

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/keychain"
)

// shaky is a vault whose commits go wrong at one place or another.
type shaky struct {
	*keychain.Vault
	lands  bool // the record is written before the error
	blind  bool // and then nothing can be read
	broken int  // commits that fail
	failed int
}

var errDisk = errors.New("sync directory: input/output error")

func (s *shaky) Commit(ctx context.Context, rec keychain.Record) error {
	if s.failed == s.broken {
		return s.Vault.Commit(ctx, rec)
	}
	s.failed++
	if s.lands {
		if err := s.Vault.Commit(ctx, rec); err != nil {
			return err
		}
	}
	return errDisk
}

func (s *shaky) LoadAny(ctx context.Context, account string) (keychain.Record, error) {
	if s.blind && s.failed > 0 {
		return keychain.Record{}, errDisk
	}
	return s.Vault.LoadAny(ctx, account)
}

// by returns a sign-in to a fresh account.
func (r *bench) by(m Means, v Vault, account string) (SignIn, func()) {
	conn := r.up.Private()
	return SignIn{Account: account, Server: r.up.Base().String(), Means: m, Vault: v, Budget: r.budget,
		Client: absapi.New(conn, r.up.Base())}, conn.Close
}

var demo = ByPassword{Username: "demo", Password: redact.New("demo"), Keep: true}

func (r *bench) logouts() int {
	return r.fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" })
}

// The server ends a new session only if it is surely not in the vault.
func TestSignInWhoseCommitFails(t *testing.T) {
	for _, c := range []struct {
		desc                      string
		vault                     shaky
		kept, unsynced, loggedOut bool
	}{
		{"nothing is written", shaky{broken: 1}, false, false, true},
		{"written, and synced at the second try", shaky{broken: 1, lands: true}, true, false, false},
		{"written, and never synced", shaky{broken: 2, lands: true}, true, true, false},
		{"nobody knows", shaky{broken: 1, blind: true}, false, false, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withBench(t, absfake.Config{}, func(r *bench) {
				c.vault.Vault = r.vault
				in, done := r.by(demo, &c.vault, "other")
				defer done()
				result, err := in.Do(r.Context())
				var inVault *VaultError
				if c.kept != (err == nil) || err != nil && (!errors.As(err, &inVault) || !inVault.Sent || !errors.Is(err, errDisk)) {
					t.Errorf("%v", err)
				}
				if c.unsynced != (result.Unsynced != nil) || c.loggedOut != (r.logouts() == 1) {
					t.Errorf("%+v, %d logouts", result, r.logouts())
				}
				if c.kept && !r.accepted(result.Pair.Access.Secret) {
					t.Error("what is kept is no use")
				}
			})
		})
	}
}

// Who presses Ctrl-C while the server thinks must not leave a session behind
// that nobody knows.
func TestSignInGivenUpWhileTheServerAnswers(t *testing.T) {
	withBench(t, absfake.Config{}, func(r *bench) {
		ctx, cancel := context.WithCancel(r.Context())
		in, done := r.by(cancelling{demo, cancel}, r.vault, "other")
		defer done()
		if _, err := in.Do(ctx); err != nil {
			t.Fatal(err)
		}
		if rec, err := r.vault.Load(r.Context(), "other"); err != nil || rec.Refresh.IsEmpty() {
			t.Errorf("the vault has %v, %v", rec, err)
		}
	})
}

// cancelling gives up as soon as the answer is there.
type cancelling struct {
	Means
	cancel context.CancelFunc
}

func (c cancelling) Obtain(ctx context.Context, b *budget.Budget, cl *absapi.Client) (Obtained, error) {
	defer c.cancel()
	return c.Means.Obtain(ctx, b, cl)
}

// The server says whose session it is, and then it is kept there, above what
// that account had before.
func TestSignInMovesToTheAccountOfItsUser(t *testing.T) {
	withBench(t, absfake.Config{}, func(r *bench) {
		before, err := r.vault.Load(r.Context(), "home")
		if err != nil {
			t.Fatal(err)
		}
		for _, guess := range []string{"", "wrong"} {
			in, done := r.by(demo, r.vault, guess)
			in.Place = func(got Obtained) (string, error) {
				if got.UserID != before.UserID || got.Username != "demo" {
					t.Errorf("got %+v", got)
				}
				return "home", nil
			}
			result, err := in.Do(r.Context())
			done()
			if err != nil || result.Account != "home" {
				t.Fatalf("%+v, %v", result, err)
			}
			after, err := r.vault.Load(r.Context(), "home")
			if err != nil || after.Generation != before.Generation+1 || after.Refresh != result.Pair.Refresh.Secret {
				t.Errorf("%+v, %v", after, err)
			}
			before = after
		}
		for _, account := range []string{"home", "wrong"} {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second)
			release, err := r.vault.Acquire(ctx, account)
			cancel()
			if err != nil {
				t.Fatalf("the lock of %s is still held: %v", account, err)
			}
			release()
		}
		in, done := r.by(demo, r.vault, "home")
		defer done()
		in.Place = func(Obtained) (string, error) { return "", errDisk }
		if _, err := in.Do(r.Context()); !errors.Is(err, errDisk) || r.logouts() != 3 {
			t.Errorf("a user that nobody wants: %v, %d logouts", err, r.logouts())
		}
		if _, err := r.vault.LoadAny(r.Context(), "wrong"); !errors.Is(err, keychain.ErrNotFound) {
			t.Errorf("the wrong account has something: %v", err)
		}
	})
}

func TestSpareSignIn(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		withBench(t, absfake.Config{Release: release}, func(r *bench) {
			before, err := r.vault.Load(r.Context(), "home")
			if err != nil {
				t.Fatal(err)
			}
			spare := func(account, user string) error {
				conn := r.up.Private()
				defer conn.Close()
				return Spare{Account: account, Server: r.up.Base().String(), UserID: user, Version: string(release), Means: demo,
					Vault: r.vault, Budget: r.budget, Client: absapi.New(conn, r.up.Base())}.Do(r.Context())
			}
			if err := spare("home", before.UserID); err != nil {
				t.Fatalf("%s: %v", release, err)
			}
			after, err := r.vault.Load(r.Context(), "home")
			if err != nil || after.Generation != before.Generation+1 || after.Spare.IsEmpty() || after.Spare == after.Refresh ||
				after.Refresh != before.Refresh || after.Lineage != before.Lineage || after.Password != before.Password {
				t.Errorf("%s: %+v, %v", release, after, err)
			}
			want := wantedFor(string(release), before)
			if missing, err := MissingSpares(r.Context(), r.vault, "home", string(release)); missing != want-1 || err != nil {
				t.Errorf("%s: %d missing, %v", release, missing, err)
			}
			for range want - 1 {
				if err := spare("home", before.UserID); err != nil {
					t.Fatalf("%s: %v", release, err)
				}
			}
			full, err := r.vault.Load(r.Context(), "home")
			if spares := full.Spares(); err != nil || len(spares) != want || spares[0] != after.Spare || r.logouts() != 0 {
				t.Errorf("%s: %d spares, %v, %d logouts", release, len(spares), err, r.logouts())
			}
			// One more takes the place of the oldest.
			r.budget = budget.New("")
			if err := spare("home", before.UserID); err != nil || r.logouts() != 1 {
				t.Errorf("%s: %v, %d logouts", release, err, r.logouts())
			}
			last, err := r.vault.Load(r.Context(), "home")
			if spares := last.Spares(); err != nil || len(spares) != want || slices.Contains(spares, after.Spare) {
				t.Errorf("%s: %d spares, %v", release, len(spares), err)
			}
			for _, c := range []struct {
				account, user string
				want          error
			}{{"home", "somebody else", ErrSpareLate}, {"nobody", before.UserID, ErrSpareLate}} {
				if err := spare(c.account, c.user); !errors.Is(err, c.want) {
					t.Errorf("%+v: %v", c, err)
				}
			}
			if !r.accepted(after.Access) {
				t.Errorf("%s: the session itself has ended", release)
			}
		})
	}
}

// A session without a password takes the spare along; others have no need of it.
func TestSpareOutlivesASignIn(t *testing.T) {
	for _, keep := range []bool{false, true} {
		withBench(t, absfake.Config{}, func(r *bench) {
			rec, err := r.vault.Load(r.Context(), "home")
			if err != nil {
				t.Fatal(err)
			}
			rec.Generation, rec.Spare, rec.SessionID = rec.Generation+1, redact.New("a.spare.token"), "the server's id"
			if err := r.vault.Commit(r.Context(), rec); err != nil {
				t.Fatal(err)
			}
			means := demo
			means.Keep = keep
			in, done := r.by(means, r.vault, "home")
			defer done()
			if _, err := in.Do(r.Context()); err != nil {
				t.Fatal(err)
			}
			after, err := r.vault.Load(r.Context(), "home")
			if err != nil || after.Spare.IsEmpty() != keep || !after.Password.IsStored() == keep {
				t.Errorf("keep %v: %+v, %v", keep, after, err)
			}
			if after.Orphan != rec.SessionID || after.SessionID != "" {
				t.Errorf("the server's id of the session before is lost: %+v", after)
			}
			if n := r.logouts(); (n == 2) != keep {
				t.Errorf("keep %v: %d logouts", keep, n)
			}
		})
	}
}
