package history

import (
	"strings"
	"testing"
	"time"
)

// at is an entry of h hours after noon that presented the token issued at hour
// token and got the one issued at hour got (0: none).
func at(h float64, o Outcome, token, got float64, change ...func(*Entry)) Entry {
	hour := func(h float64) time.Time { return noon.Add(time.Duration(h * float64(time.Hour))) }
	e := Entry{At: hour(h), Kind: Refresh, Outcome: o, Attempt: 1, Issued: hour(token), Ends: hour(token + 720), Evidence: "evidence"}
	if got != 0 {
		e.Received = hour(got)
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func login(e *Entry) {
	e.Kind, e.Issued, e.Ends, e.Attempt = Login, time.Time{}, time.Time{}, 0
}
func taken(e *Entry)    { e.AccessToken = StillAccepted }
func notTaken(e *Entry) { e.AccessToken = NotAccepted }
func second2(e *Entry)  { e.Attempt = 2 }

var (
	old     = Release{Version: "2.33.2", Collides: true}
	minute  = Release{Version: "2.35.0", Collides: true, Grace: time.Minute}
	jti     = Release{Version: "2.35.1", Grace: time.Minute}
	current = Release{Version: "2.36.0", Grace: 10 * time.Minute, GraceSet: true, PasswordEnds: true}
)

func TestDiagnose(t *testing.T) {
	good := []Entry{at(1, Renewed, 0.5, 1), at(2, Renewed, 1, 2)}
	for _, c := range []struct {
		desc    string
		entries []Entry
		release Release
		peers   []Peer
		cause   Cause
		certain bool
		says    string
	}{
		{"nothing", nil, current, nil, "", false, ""},
		{"all is well", good, current, nil, "", false, ""},
		{"one refusal is none", append(good[:2:2], at(3, RefusedOnce, 2, 0)), current, nil, "", false, ""},
		{"an answer was lost",
			append(good[:2:2], at(3, Unanswered, 2, 0), at(3.1, RefusedOnce, 2, 0), at(3.2, Lost, 2, 0, taken)),
			old, nil, LostAnswer, true, "repeats no answer"},
		{"lost and asked again in time, so it was something else",
			append(good[:2:2],
				at(3, Unanswered, 2, 0),
				at(3.001, Lost, 2, 0, taken, func(e *Entry) { e.At = noon.Add(3*time.Hour + 30*time.Second) })),
			jti, nil, LostAnswer, false, "only for a while"},
		{"the same, with a password that changed",
			append(good[:2:2], at(3, Unanswered, 2, 0), at(3.001, Lost, 2, 0, taken), at(3.001, PasswordRefused, 0, 0, login)),
			jti, nil, PasswordChange, false, "an admin"},
		{"an answer to another token",
			append(good[:1:1], at(2, Unanswered, 1, 0), at(2, Renewed, 1, 2), at(3, Lost, 2, 0, taken)),
			old, nil, Elsewhere, false, "tells no more"},
		{"cut off",
			append(good[:2:2], at(3, Lost, 2, 0, second2)),
			old, nil, Interrupted, false, "repeats no answer"},
		{"cut off, and late",
			append(good[:2:2], at(3, RefusedOnce, 2, 0, second2), at(3, Lost, 2, 0, func(e *Entry) { e.Attempt = 3 })),
			current, nil, Interrupted, false, "no longer repeated"},
		{"a second attempt of one that was answered is no cut",
			append(good[:2:2], at(3, RefusedOnce, 2, 0), at(3, Lost, 2, 0, second2, taken)),
			old, nil, Elsewhere, false, ""},
		{"key replaced",
			append(good[:2:2], at(3, Lost, 2, 0, notTaken)),
			current, nil, ServerReplaced, true, "no longer accepts the tokens"},
		{"database replaced",
			append(good[:2:2], at(3, Lost, 2, 0), at(3, OtherUser, 0, 0, login)),
			current, nil, ServerReplaced, true, "another one now"},
		{"renamed",
			append(good[:2:2], at(3, Lost, 2, 0, taken, func(e *Entry) { e.Name = "zoe" }), at(3, PasswordRefused, 0, 0, login)),
			current, nil, Renamed, true, `"zoe"`},
		{"renamed, perhaps",
			append(good[:2:2], at(3, Lost, 2, 0), at(3, PasswordRefused, 0, 0, login)),
			old, nil, Renamed, false, "was renamed, or"},
		{"password",
			append(good[:2:2], at(3, Lost, 2, 0, taken), at(3, PasswordRefused, 0, 0, login)),
			current, nil, PasswordChange, true, "from 2.36.0 on"},
		{"restored vault", append(good[:2:2], at(3, Lost, 1, 0)), current, nil, VaultRestored, true, "backup"},
		{"unwritten",
			append(good[:2:2], at(3, NotWritten, 2, 3), at(3, Lost, 2, 0)),
			old, nil, DiskFull, true, "evidence"},
		{"collision",
			append(good[:2:2], at(3, Lost, 2, 0, taken)),
			minute, []Peer{{"attic", true, []Entry{at(2, Renewed, 1, 2)}}}, Collision, true, "the account attic"},
		{"the same second on a release with ids",
			append(good[:2:2], at(3, Lost, 2, 0, taken)),
			jti, []Peer{{"attic", true, []Entry{at(2, Renewed, 1, 2)}}}, Elsewhere, false, ""},
		{"another user in the same second",
			append(good[:2:2], at(3, Lost, 2, 0, taken)),
			minute, []Peer{{"attic", false, []Entry{at(2, Renewed, 1, 2)}}}, Elsewhere, false, ""},
		{"everybody",
			append(good[:2:2], at(3, Lost, 2, 0, taken)),
			old, []Peer{{"attic", false, []Entry{at(3.5, Lost, 2, 0)}}}, ServerRestored, false, "every account"},
		{"not everybody",
			append(good[:2:2], at(3, Lost, 2, 0, taken)),
			old, []Peer{{"attic", false, []Entry{at(3.5, Lost, 2, 0)}}, {"shed", false, good}}, Elsewhere, false, ""},
		{"the list still has it",
			append(good[:2:2], at(3, Lost, 2, 0, taken, func(e *Entry) { e.Row = There })),
			current, nil, UsedElsewhere, false, "copy of this vault"},
		{"the list has it, after a lost answer",
			append(good[:2:2], at(2.5, Unanswered, 2, 0), at(3, Lost, 2, 0, taken, func(e *Entry) { e.Row = There })),
			current, nil, LostAnswer, false, "lost on its way"},
		{"the list has it no more, so no answer was lost",
			append(good[:2:2], at(2.5, Unanswered, 2, 0), at(3, Lost, 2, 0, taken, func(e *Entry) { e.Row = Gone })),
			current, nil, Elsewhere, true, "ended on the server"},
		{"a change of the password without an answer",
			append(good[:2:2], at(2.5, Unanswered, 2, 0, func(e *Entry) { e.Kind = Change }), at(3, Lost, 2, 0, taken)),
			current, nil, LostAnswer, false, "lost on its way"},
		{"gateway",
			append(good[:2:2], at(3, HeaderRemoved, 2, 0)),
			current, nil, Gateway, true, "renewals worked until"},
		{"off", append(good[:2:2], at(722, Expired, 2, 0)), current, nil, RanOut, true, "machine was off"},
		{"the server's clock went ahead", append(good[:2:2], at(3, Expired, 2, 0)), current, nil, RanOut, false, "clock may be wrong"},
		{"away",
			append(good[:2:2],
				at(3, Unreachable, 2, 0, func(e *Entry) { e.Until = noon.Add(721 * time.Hour) }),
				at(722, Expired, 2, 0)),
			current, nil, RanOut, true, "could not be asked"},
		{"ran out, and no record", []Entry{at(722, Expired, 2, 0)}, current, nil, RanOut, false, "did not run"},
		{"a first refusal, and no record",
			[]Entry{at(3, Lost, 2, 0)},
			current, nil, Elsewhere, false, "log out everywhere"},
		{"a token of an unknown age",
			[]Entry{at(1, Renewed, 0, 1), {At: noon, Kind: Refresh, Outcome: Lost}},
			current, nil, Elsewhere, false, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			d, ok := Diagnose(c.entries, Circumstances{Release: func(string) Release { return c.release }, Peers: c.peers})
			if ok != (c.cause != "") || d.Cause != c.cause || d.Certain != c.certain || !strings.Contains(d.Sentence, c.says) {
				t.Fatalf("got %+v", d)
			}
			if !ok {
				return
			}
			if d.Remedy == "" || d.Recovered || strings.HasSuffix(d.Sentence, ".") || strings.Contains(d.Sentence, "\n") {
				t.Errorf("got %+v", d)
			}
			// The password, or the user, brings it back: the cause stays.
			entries := append(c.entries[:len(c.entries):len(c.entries)], at(723, SignedIn, 0, 723, login))
			after, _ := Diagnose(entries, Circumstances{Release: func(string) Release { return c.release }, Peers: c.peers})
			if after.Cause != d.Cause || !after.Recovered || after.Remedy != "" {
				t.Errorf("afterwards %+v", after)
			}
		})
	}
}

// A start and a click ask again, and hear the same: the loss is where it was
// first seen, and what was learned then still counts.
func TestRepeatedRefusalsAreOneLoss(t *testing.T) {
	entries := []Entry{at(1, Renewed, 0.5, 1), at(2, Lost, 1, 0, taken, func(e *Entry) { e.Name = "zoe" }),
		at(50, Lost, 1, 0), at(50, PasswordRefused, 0, 0, login), at(90, Unreachable, 1, 0), at(91, Lost, 1, 0)}
	d, ok := Diagnose(entries, Circumstances{Release: func(string) Release { return current }})
	if !ok || d.Cause != Renamed || !d.At.Equal(entries[1].At) {
		t.Errorf("got %+v", d)
	}
}

func TestSecondLossIsItsOwn(t *testing.T) {
	entries := []Entry{at(1, Lost, 0.5, 0, notTaken), at(2, SignedIn, 0, 2, login), at(3, Lost, 2, 0, taken)}
	d, _ := Diagnose(entries, Circumstances{Release: func(string) Release { return current }})
	if d.Cause != Elsewhere || !d.At.Equal(entries[2].At) {
		t.Errorf("got %+v", d)
	}
}

func TestWithoutReleases(t *testing.T) {
	if d, ok := Diagnose([]Entry{at(1, Lost, 0, 0)}, Circumstances{}); !ok || d.Sentence == "" {
		t.Errorf("got %+v", d)
	}
}
