package machine

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// world is everything around the machine, reduced to what its rules speak of:
// a disk, a server that may lie or lose answers, and a user.
type world struct {
	t       *rapid.T
	now     time.Time
	state   State
	pending []Effect // asked for, not answered

	disk        keychain.Record
	written     map[uint64]redact.Secret // access token of each durable generation
	locked      bool
	refused     bool // the server refused the password, and the user did not act since
	erased      bool
	serial      int
	life        time.Duration // of access tokens
	plain       bool          // no TLS
	refreshLife time.Duration
	unserved    bool // no player is active
	acted       bool // the user's word stands that the password may be sent
	answered    bool // the server itself has answered in this network, and nothing failed since
	strange     bool // the newest refusal came from a server that does not know its signature
	vague       bool // the pair was refused, and nothing has shown since that the server is the account's own

	presented  redact.Secret          // the refresh token that was presented last
	dead       map[redact.Secret]bool // tokens the server has refused for good
	doubted    map[redact.Secret]int  // `Invalid refresh token` answers
	given      redact.Secret          // the newest refresh token that the server gave
	sent       keychain.Password      // the password that was sent last
	refusedNew keychain.Password      // a new password that the server refused
	settled    bool                   // the server's answers tell which password holds
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), written: map[uint64]redact.Secret{},
		dead: map[redact.Secret]bool{}, doubted: map[redact.Secret]int{}, refreshLife: 30 * 24 * time.Hour}
	w.life = rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, 12 * time.Second, 0}).Draw(t, "life of access tokens")
	w.plain = rapid.Bool().Draw(t, "plain http")
	pair := w.mint()
	w.disk = keychain.Record{Lineage: "x", Generation: 1, Account: "a", UserID: "user-1", Username: "alice",
		Access: pair.Access.Secret, Refresh: pair.Refresh.Secret}
	if rapid.Bool().Draw(t, "password stored") {
		// Root may have the empty one.
		w.disk.Password = keychain.StoredPassword(redact.New(rapid.SampledFrom([]string{"correct horse", ""}).Draw(t, "password")))
	}
	for range rapid.IntRange(0, keychain.MostSpares).Draw(t, "spares kept") {
		w.disk.AddSpare(w.mint().Refresh.Secret)
	}
	if rapid.IntRange(0, 4).Draw(t, "kind") == 0 { // a legacy token, or an API key
		w.disk.Access, w.disk.Refresh, w.disk.Static = redact.Secret{}, redact.Secret{}, redact.New("legacy 0")
		w.disk.SetSpares()
	}
	if w.disk.Static.IsEmpty() && !w.disk.Password.IsStored() && rapid.Bool().Draw(t, "emergency key") {
		life := time.Duration(rapid.IntRange(0, 40*24).Draw(t, "its hours")) * time.Hour
		w.disk.EmergencyKey = redact.New(makeJWT(map[string]any{"keyId": "k", "name": "emergency", "type": "api",
			"iat": w.now.Unix(), "exp": w.now.Add(life).Unix()}))
	}
	w.written[1] = w.disk.Access
	w.boot()
	return w
}

// boot is a start of the process: all that is left is the disk. A refusal that
// a crash swallowed before it was written is not known any more; see
// loginFailed.
func (w *world) boot() {
	w.refused, w.refusedNew = w.disk.PasswordRefused, keychain.Password{}
	version := rapid.SampledFrom([]string{"2.26.3", "2.35.0", "2.36.0", ""}).Draw(w.t, "release")
	w.answered = false
	w.state, w.pending, w.locked = State{Rules: RulesOf(version), Plain: w.plain}, nil, false
	w.feed(Started{})
}

func (w *world) mint() absapi.TokenPair {
	w.serial++
	token := func(kind string, life time.Duration) absapi.Token {
		secret := redact.New(makeJWT(map[string]any{"userId": "user-1", "username": "alice", "type": kind,
			"jti": fmt.Sprint(w.serial), "iat": w.now.Unix(), "exp": w.now.Add(life).Unix()}))
		parsed, err := absapi.ParseToken(secret)
		if err != nil {
			w.t.Fatal(err)
		}
		return parsed
	}
	return absapi.TokenPair{Access: token("access", w.life), Refresh: token("refresh", w.refreshLife)}
}

// feed hands the machine one fact and holds the promises against what it does.
func (w *world) feed(f Fact) {
	before := w.state
	after, effects := Next(before, Event{At: w.now, Jitter: rapid.Float64Range(0, 1).Draw(w.t, "jitter"), Unserved: w.unserved, Fact: f})
	w.acted = w.acted && (!before.Wishes.SameServerUntil.IsZero() || !after.Wishes.SameServerUntil.IsZero())
	w.state = after
	for _, e := range effects {
		w.check(e)
		switch e.(type) {
		case Release, Disconnect, Dial: // nothing answers them
		default:
			w.pending = append(w.pending, e)
		}
	}
	if after.Published.Generation > 0 && after.Phase != SignedOut {
		if access, ok := w.written[after.Published.Generation]; !ok || access != after.Published.Pair.Access.Secret {
			w.t.Fatalf("generation %d is published but not durable", after.Published.Generation)
		}
	}
	alive := func(token redact.Secret) bool { return !w.dead[token] }
	if after.OnEmergencyKey(w.now) && (w.doubted[w.disk.Refresh] == 0 && alive(w.disk.Refresh) ||
		slices.ContainsFunc(w.disk.Spares(), alive)) {
		w.t.Fatal("the emergency key is used although the session may be alive")
	}
	if key := w.disk.EmergencyKey; after.Usable(w.now) && !key.IsEmpty() && after.Token(w.now) == key && !after.OnEmergencyKey(w.now) {
		w.t.Fatal("the emergency key is given out")
	}
	var attempts int
	for _, e := range w.pending {
		if _, ok := e.(Settle); !ok {
			attempts++
		}
	}
	if attempts > 1 {
		w.t.Fatalf("two steps of an attempt at once: %#v", w.pending)
	}
	if after.Busy() != (attempts == 1 || after.Step == Repairing && after.Slot.Settling) {
		w.t.Fatalf("step %v with pending %#v", after.Step, w.pending)
	}
	if !after.Busy() && !after.Closing && (after.Phase == Offline || after.Phase == VaultUnavailable || after.Phase == Fresh) &&
		after.WakeAt().IsZero() {
		w.t.Fatalf("%v would never go on by itself", after.Phase)
	}
}

func (w *world) check(e Effect) {
	switch e := e.(type) {
	case Acquire:
		if w.locked {
			w.t.Fatal("a second attempt before the first gave its lock back")
		}
	case Release:
		w.locked = false
	case Commit:
		switch {
		case !w.locked:
			w.t.Fatal("a commit without the lock")
		case e.Record.Generation < w.disk.Generation:
			w.t.Fatal("an older generation would replace a newer one")
		case !w.disk.Static.IsEmpty() && e.Record.Static != w.disk.Static && e.Record.Generation == w.disk.Generation:
			w.t.Fatal("a commit drops a token without an end")
		case e.Record.Static.IsEmpty() && (e.Record.Refresh.IsEmpty() || e.Record.Access.IsEmpty()):
			w.t.Fatal("a commit drops a secret")
		case e.Record.Password != w.disk.Password && (!w.disk.Password.IsStored() || e.Record.Password != w.disk.NewPassword || !w.settled):
			w.t.Fatal("a commit replaces the password by one that the server did not take")
		case e.Record.NewPassword != w.disk.NewPassword && w.disk.NewPassword.IsStored() && !w.settled:
			w.t.Fatal("a commit drops a password that may be the right one")
		case e.Record.EmergencyKey != w.disk.EmergencyKey:
			w.t.Fatal("a commit drops the emergency key")
		case w.dropsLiveSpare(e.Record):
			w.t.Fatal("a commit drops a spare session that is alive")
		case e.Record.Spare != w.disk.Spare && !w.dead[w.disk.Spare] && !slices.Contains(e.Record.Spares(), w.given) &&
			e.Record.Refresh != w.given:
			w.t.Fatal("what the spare session brought is lost")
		case e.Record.Generation == w.disk.Generation && (e.Record.Refresh != w.disk.Refresh || w.hasNewSpare(e.Record)):
			w.t.Fatal("two pairs of one generation")
		case e.Record.Generation == w.disk.Generation && w.disk.PasswordRefused && !e.Record.PasswordRefused:
			w.t.Fatal("the mark of a refused password is lost")
		}
	case Refresh:
		want := w.disk.Refresh
		if i := w.disk.Intent; i != nil && (i.Purpose == keychain.RenewSpare || i.Purpose == keychain.PromoteSpare) {
			want = w.disk.Spare
		}
		if !w.locked || w.disk.Intent == nil || want != e.Token || e.Token.IsEmpty() {
			w.t.Fatal("a refresh token is presented without lock or durable intent")
		}
		if i := w.disk.Intent; e.Unpinged && (!w.answered || w.state.Wishes.NeededAt.IsZero() || i.Attempt > 1 ||
			w.state.Rules.Grace == 0 && !w.state.comesBack()) {
			w.t.Fatalf("a token is presented without a ping: answered %v, %+v, %+v", w.answered, i, w.state.Wishes)
		}
		w.presented = e.Token
	case ChangePassword:
		if !w.locked || w.disk.NewPassword != keychain.StoredPassword(e.New) || w.disk.Intent == nil ||
			w.disk.Intent.Purpose != keychain.ChangePassword {
			w.t.Fatal("a new password is sent before it is durable")
		}
		w.settled, w.refusedNew = false, keychain.Password{}
	case Login:
		if w.plain && (w.strange || w.vague) && !w.acted {
			w.t.Fatalf("a password is sent to a server that does not know its own signature: %v, or may not: %v", w.strange, w.vague)
		}
		w.sent = keychain.StoredPassword(e.Password)
		switch w.sent {
		case w.disk.NewPassword:
			if w.refusedNew == w.sent {
				w.t.Fatal("a new password that the server refused is sent again")
			}
		case w.disk.Password:
			if w.refused {
				w.t.Fatal("a password that the server refused is sent again")
			}
		default:
			w.t.Fatal("a password is sent that is not the account's")
		}
	case Erase:
		if !w.erased {
			w.t.Fatal("secrets are erased although the user did not sign out")
		}
	}
}

// dropsLiveSpare reports whether rec lacks a stored spare that is neither dead nor
// the one that was just presented.
func (w *world) dropsLiveSpare(rec keychain.Record) bool {
	return slices.ContainsFunc(w.disk.Spares(), func(token redact.Secret) bool {
		return !slices.Contains(rec.Spares(), token) && !w.dead[token] && token != w.presented
	})
}

func (w *world) hasNewSpare(rec keychain.Record) bool {
	return slices.ContainsFunc(rec.Spares(), func(token redact.Secret) bool { return !slices.Contains(w.disk.Spares(), token) })
}

// outside is something that no effect asked for.
func (w *world) outside(kind int) {
	switch kind {
	case 0:
		w.feed(Needed{})
	case 1:
		w.feed(Suspected{Token: w.state.Token(w.now)})
	case 2:
		w.answered = false
		w.feed(Woken{Reason: "link"})
	case 3:
		w.refused, w.acted = false, rapid.Bool().Draw(w.t, "the user says that it is the same server")
		w.feed(Asked{SameServer: w.acted})
	case 4: // killed and started again
		w.boot()
	case 5:
		w.erased = true
		w.feed(SignOutAsked{})
	case 6:
		w.feed(Stored{})
	case 7:
		w.serial++
		next := redact.New(fmt.Sprintf("new %d", w.serial))
		if w.disk.Password.IsStored() && !w.disk.Password.Secret().IsEmpty() && rapid.IntRange(0, 3).Draw(w.t, "to none") == 0 {
			next = redact.Secret{}
		}
		w.feed(ChangeAsked{Old: w.disk.Password.Secret(), New: next})
	case 8:
		w.feed(ChangeDropped{})
	case 9: // players come and go
		w.unserved = !w.unserved
	}
}

// clock moves on to the machine's own timer, or by chance.
func (w *world) clock(far bool) {
	if at := w.state.WakeAt(); !at.IsZero() && !far {
		if at.After(w.now) {
			w.now = at
		}
		w.feed(Due{})
		if at := w.state.WakeAt(); !at.IsZero() && !at.After(w.now) {
			w.t.Fatalf("%v: the timer would spin: %+v", w.state.Describe(), w.state)
		}
		return
	}
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90*60).Draw(w.t, "seconds")) * time.Second)
}
