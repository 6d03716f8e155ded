// Package history keeps a bounded record of each account's session: every
// attempt to renew it, what was presented, what came back, and when. When a
// session is lost, the record names the most likely cause. The server's own
// answer cannot: `Invalid refresh token` is the same for every cause.
//
// The package identifies a token by the second in which the server issued it,
// never by its text. It decides nothing: no session is renewed, given up or
// kept because of this record, and a record that cannot be read or written
// never stops a session.
package history

import (
	"strings"
	"time"
	"unicode"

	"shelfkeeper/daemon/redact"
)

// Kind says what was tried.
type Kind string

// The kinds of attempts.
const (
	Refresh Kind = "refresh" // POST /auth/refresh
	Login   Kind = "login"   // the stored password, by itself
	Spare   Kind = "spare"   // POST /auth/refresh for the spare session
	Change  Kind = "change"  // of the password, which renews the session too
	SignIn  Kind = "sign-in" // the user
	Reading Kind = "reading" // of the vault, before anything is sent
	Check   Kind = "check"   // whether an API key or legacy token is accepted
	Machine Kind = "machine" // nothing was tried: something happened to this machine
)

// Outcome says what came of it.
type Outcome string

// The outcomes, in three groups: those that changed the session, the server's
// own refusals, and those that tell nothing about tokens.
const (
	Renewed  Outcome = "renewed"
	SignedIn Outcome = "signed in"
	Adopted  Outcome = "adopted" // a newer pair that another process stored

	RefusedOnce     Outcome = "refused once" // `Invalid refresh token`, asked once more
	Lost            Outcome = "refused"      // the same again
	Expired         Outcome = "expired"
	Disabled        Outcome = "user disabled"
	HeaderRemoved   Outcome = "header removed"
	PasswordRefused Outcome = "password refused"
	TokenRefused    Outcome = "token refused"
	NotChanged      Outcome = "not changed" // the password
	OtherUser       Outcome = "other user"

	Unanswered  Outcome = "no answer"   // the server may have acted on it
	Unreachable Outcome = "unreachable" // nothing was presented
	Limited     Outcome = "limited"
	NotWritten  Outcome = "not written" // to our own disk
	Unreadable  Outcome = "not read"    // the vault, or its lock

	// Of the machine. They explain what lies around them.
	Slept Outcome = "slept" // from At until Until
	Moved Outcome = "moved" // to another network, or to none
)

// succeeded reports whether the session had a good pair of tokens afterwards.
func (o Outcome) succeeded() bool { return o == Renewed || o == SignedIn || o == Adopted }

// minor reports whether o may repeat for days, so that entries with it are
// counted rather than listed.
func (o Outcome) minor() bool {
	switch o {
	case Unanswered, Unreachable, Limited, NotWritten, Unreadable, Slept, Moved:
		return true
	}
	return false
}

// Entry is one attempt, or several in a row that ended alike.
type Entry struct {
	At    time.Time `json:"at"`              // when it ended, by this machine's clock
	Until time.Time `json:"until,omitzero"`  // when the last of several ended
	Count int       `json:"count,omitempty"` // how many more than one there were

	Kind       Kind    `json:"kind"`
	Outcome    Outcome `json:"outcome"`
	Generation uint64  `json:"generation"`        // of the stored session afterwards
	Attempt    int     `json:"attempt,omitempty"` // above 1: an earlier one of the same renewal was cut off
	Release    string  `json:"release,omitempty"` // of the server, as last seen

	// Issued and Ends are those of the refresh token that was presented, and
	// Received is when the one that came back was issued: by the server's
	// clock, in whole seconds.
	Issued   time.Time `json:"issued,omitzero"`
	Ends     time.Time `json:"ends,omitzero"`
	Received time.Time `json:"received,omitzero"`

	// AccessToken is what the server said of the access token right after it
	// had refused the refresh token. Row tells whether the session was still
	// among the user's. Name is the user's present name, if that had changed.
	AccessToken TokenAnswer `json:"witness,omitempty"`
	Row         Row         `json:"row,omitempty"`
	Name        string      `json:"name,omitempty"`

	Evidence string `json:"evidence,omitempty"`
}

// TokenAnswer is what the server says to the access token of a session whose
// refresh token it refuses. ABS still accepts that access token, except in two
// cases (measured on 2.26.3 to 2.36.0): the user is gone or disabled, or the
// signing key has changed.
type TokenAnswer string

// The answers; empty where the server was not asked or did not answer.
const (
	StillAccepted TokenAnswer = "taken"
	NotAccepted   TokenAnswer = "refused"
)

// Row says whether the server still lists a session that it refuses (from
// 2.36.0 on). A session that is gone was ended; one that is there was renewed
// by somebody else. Empty where the list could not be read.
type Row string

// What a list of sessions says.
const (
	There Row = "there"
	Gone  Row = "gone"
)

const (
	maxEvidence = 200
	maxName     = 64
)

// clean returns e fit for a file and a terminal: parts of it come from outside.
func (e Entry) clean() Entry {
	e.At, e.Until = second(e.At), second(e.Until)
	e.Issued, e.Ends, e.Received = second(e.Issued), second(e.Ends), second(e.Received)
	e.Count, e.Attempt = max(0, e.Count), max(0, e.Attempt)
	e.Evidence = line(redact.Text(e.Evidence), maxEvidence)
	e.Name, e.Release = line(redact.Text(e.Name), maxName), line(redact.Text(e.Release), maxName)
	e.Kind, e.Outcome = Kind(line(string(e.Kind), maxName)), Outcome(line(string(e.Outcome), maxName))
	e.AccessToken, e.Row = TokenAnswer(line(string(e.AccessToken), maxName)), Row(line(string(e.Row), maxName))
	return e
}

// second returns t in UTC and whole seconds, zero if no file can hold its year.
func second(t time.Time) time.Time {
	t = t.UTC().Round(0)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.Truncate(time.Second)
}

func line(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return strings.TrimSpace(text)
}

// Sleep is a sleep of the machine that is just over.
func Sleep(now time.Time, asleep time.Duration) Entry {
	return Entry{At: now.Add(-asleep), Until: now, Kind: Machine, Outcome: Slept}
}

// Move is a change of the machine's network. online says whether it has one now.
func Move(now time.Time, online bool) Entry {
	e := Entry{At: now, Kind: Machine, Outcome: Moved}
	if !online {
		e.Evidence = "no network"
	}
	return e
}

// last returns when the last of e's attempts ended.
func (e Entry) last() time.Time {
	if e.Until.IsZero() {
		return e.At
	}
	return e.Until
}

// repeats reports whether o is e over again.
func (e Entry) repeats(o Entry) bool {
	if e.Kind == Machine && (e.Outcome != Moved || o.At.Sub(e.last()) > movesTogether) {
		return false
	}
	return e.Outcome.minor() && e.Kind == o.Kind && e.Outcome == o.Outcome && e.Generation == o.Generation &&
		e.Issued.Equal(o.Issued) && e.Received.Equal(o.Received) && e.Release == o.Release && e.Evidence == o.Evidence
}

// movesTogether is how close two changes of the network are one entry: at the
// edge of a network a machine changes it every minute.
const movesTogether = 10 * time.Minute

const (
	// maxEntries is some ten days of hourly renewals.
	maxEntries = 400
	// keptMinor is how many of the newest entries stay even where they are minor.
	keptMinor = 50
)

// appended returns a copy of entries with e at its end, within bounds: of too
// many, the oldest minor ones are dropped first. e must be clean.
func appended(entries []Entry, e Entry) []Entry {
	out := make([]Entry, len(entries), len(entries)+1)
	copy(out, entries)
	if n := len(out); n > 0 && out[n-1].repeats(e) {
		out[n-1].Count += 1 + e.Count
		out[n-1].Until = e.last()
		return out
	}
	return bounded(append(out, e), maxEntries)
}

// bounded drops entries until at most most are left.
func bounded(entries []Entry, most int) []Entry {
	for len(entries) > most {
		drop := 0
		for i := range max(0, len(entries)-keptMinor) {
			if entries[i].Outcome.minor() {
				drop = i
				break
			}
		}
		entries = append(entries[:drop:drop], entries[drop+1:]...)
	}
	return entries
}
