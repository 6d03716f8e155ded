package keychain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"shelfkeeper/daemon/order"
	"shelfkeeper/daemon/redact"
)

// maxRecord is the size limit of an encoded record in bytes. Windows allows
// 2,560 bytes a credential (CRED_MAX_CREDENTIAL_BLOB_SIZE); on macOS go-keyring
// writes base64 into a 4,096-byte command line, so about 2,900.
const maxRecord = 2500

// recordVersion is the schema this program writes and the highest it reads.
const recordVersion = 1

// Record is everything that is kept of one account's session. It is a value:
// the vault never changes one in place.
type Record struct {
	Lineage    string // the sign-in this record descends from
	Generation uint64 // grows by one a rotation and never restarts
	Account    string // name of the account
	Server     string // address of the server that may see these secrets; "" unknown
	UserID     string // id of the user on the server
	Username   string
	Access     redact.Secret // access token
	Refresh    redact.Secret // refresh token
	Previous   redact.Secret // the refresh token before, for the grace window
	Password   Password      // the stored password, if the user allowed it
	Static     redact.Secret // API key or legacy token
	SessionID  string        // the server's id of the session, where it tells; "" unknown
	Orphan     string        // id of an earlier session of ours that may still be on the server
	Spare      redact.Secret // refresh token of a second server session, for accounts without a password
	// MoreSpares are further ones. They move up as the first is used or renewed.
	MoreSpares      [MostSpares - 1]redact.Secret
	EmergencyKey    redact.Secret // API key with an end, which serves when session and spares are lost
	NewPassword     Password      // the password that a change under way would bring
	PasswordRefused bool          // the stored password was rejected
	Intent          *Intent       // a rotation is under way
	Tombstone       bool          // signed out

	unknown string // fields that a newer build wrote; see unknownFields
}

// Intent says that a request which replaces secrets began and that its outcome
// is not known.
type Intent struct {
	Since   time.Time
	Attempt int
	Purpose Purpose

	unknown string // as in Record
}

// Purpose says what an intent is for. The numbers are stored.
type Purpose int

const (
	RenewPair      Purpose = iota // the refresh token was presented
	RenewSpare                    // the spare was, to stay alive
	PromoteSpare                  // the spare was, to take the lost session's place
	ChangePassword                // NewPassword was
)

// entry is a record as it is stored. seq orders writes of one generation, such
// as an intent, so that two slots of equal generation are not ambiguous.
type entry struct {
	Record
	seq uint64
	raw string
}

// order compares by age: negative when e is older than o.
func (e entry) order(o entry) int {
	return cmp.Or(cmp.Compare(e.Generation, o.Generation), cmp.Compare(e.seq, o.seq))
}

// encodeRecord returns r as an entry. If r does not fit, the previous refresh token is
// left out, and then as many of the last spares as have no room beside the session. The
// errors are ErrInvalid and ErrTooLarge, and name fields, never values.
func encodeRecord(r Record, seq uint64) (entry, error) {
	e, err := packShort(r, seq)
	if err == nil && len(e.raw) > maxRecord && !r.Previous.IsEmpty() {
		r.Previous = redact.Secret{} // it only helps to explain a loss
		e, err = packShort(r, seq)
	}
	for err == nil && len(e.raw) > maxRecord && !r.Spare.IsEmpty() {
		spares := r.Spares()
		r.SetSpares(spares[:len(spares)-1]...) // CheckRoom foresaw less than has come, as a user's new name
		e, err = packShort(r, seq)
	}
	if err == nil && len(e.raw) > maxRecord {
		err = &SizeError{Size: len(e.raw), Longest: longest(e.Record)}
	}
	if err != nil {
		return entry{}, err
	}
	return e, nil
}

// packShort is encodeRecord without a limit. Of a record that is above it, more spares
// are packed, and one at least is not.
func packShort(r Record, seq uint64) (e entry, err error) {
	for plain := plainSpares; plain > 0; plain-- {
		if e, err = pack(r, seq, plain); err != nil || len(e.raw) <= maxRecord {
			break
		}
	}
	return e, err
}

// pack is packShort with that many spares as they are.
func pack(r Record, seq uint64, plain int) (entry, error) {
	if err := checkAccount(r.Account); err != nil {
		return entry{}, err
	}
	if r.Generation == 0 {
		return entry{}, fmt.Errorf("%w: generation 0", ErrInvalid)
	}
	r.SetSpares(r.Spares()...) // without a gap
	w := wireRecord{
		Lineage: r.Lineage, Generation: r.Generation, Sequence: seq, Account: r.Account,
		Server: r.Server, UserID: r.UserID, Username: r.Username,
		Access: r.Access.Reveal(), Refresh: r.Refresh.Reveal(), Previous: r.Previous.Reveal(),
		Password: r.Password.text(), Static: r.Static.Reveal(),
		SessionID: r.SessionID, Orphan: r.Orphan, Spare: r.Spare.Reveal(), EmergencyKey: r.EmergencyKey.Reveal(),
		NewPassword: r.NewPassword.text(), PasswordRefused: r.PasswordRefused, Tombstone: r.Tombstone,
	}
	if r.Intent != nil {
		// Round drops the monotonic clock, which no file can carry.
		since := r.Intent.Since.UTC().Round(0)
		r.Intent = &Intent{Since: since, Attempt: r.Intent.Attempt, Purpose: r.Intent.Purpose, unknown: r.Intent.unknown}
		intent, err := marshalWith(wireIntent{Since: since, Attempt: r.Intent.Attempt, Purpose: r.Intent.Purpose}, r.Intent.unknown)
		if err != nil {
			return entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		w.Intent = intent
	}
	w.MoreSpares, w.PackedSpares = wireSpares(r, plain)
	// JSON replaces invalid UTF-8 without a word, which would change a password.
	for _, f := range fieldsOf(r) {
		if !utf8.ValidString(f.value) {
			return entry{}, fmt.Errorf("%w: the %s is not valid UTF-8", ErrInvalid, f.name)
		}
	}
	body, err := marshalWith(w, r.unknown)
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	body = escapeBraces(body)
	raw, err := marshal(envelope{Version: recordVersion, Sum: checksum(body), Record: body})
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return entry{Record: r, seq: seq, raw: string(raw)}, nil
}

type field struct{ name, value string }

func fieldsOf(r Record) []field {
	fields := []field{
		{"access token", r.Access.Reveal()}, {"refresh token", r.Refresh.Reveal()}, {"previous refresh token", r.Previous.Reveal()},
		{"password", r.Password.secret.Reveal()}, {"new password", r.NewPassword.secret.Reveal()},
		{"API key", r.Static.Reveal()}, {"emergency key", r.EmergencyKey.Reveal()}, {"spare refresh token", r.Spare.Reveal()},
		{"user name", r.Username}, {"user id", r.UserID}, {"account name", r.Account}, {"lineage", r.Lineage},
		{"server's address", r.Server},
	}
	for _, token := range r.MoreSpares {
		fields = append(fields, field{"further spare refresh token", token.Reveal()})
	}
	return fields
}

// longest names the up to three longest fields.
func longest(r Record) string {
	fields := fieldsOf(r)
	order.Stable(fields, func(a, b field) int { return len(b.value) - len(a.value) })
	var parts []string
	for _, f := range fields[:3] {
		if len(f.value) > 0 {
			parts = append(parts, fmt.Sprintf("the %s has %d", f.name, len(f.value)))
		}
	}
	return strings.Join(parts, ", ")
}

// decodeRecord reads a stored record of the account. The errors are ErrNewer
// and ErrCorrupt; they show nothing of raw.
func decodeRecord(raw, account string) (entry, error) {
	var e envelope
	err := json.Unmarshal([]byte(raw), &e)
	if err != nil {
		return entry{}, fmt.Errorf("%w: not JSON of the expected form", ErrCorrupt)
	}
	switch {
	case e.Version > recordVersion:
		return entry{}, fmt.Errorf("%w: record has schema %d, this program knows up to %d", ErrNewer, e.Version, recordVersion)
	case e.Version < 1:
		return entry{}, fmt.Errorf("%w: no schema version", ErrCorrupt)
	case e.Sum != checksum(e.Record):
		return entry{}, fmt.Errorf("%w: the checksum does not match", ErrCorrupt)
	}
	var w wireRecord
	if err := json.Unmarshal(e.Record, &w); err != nil {
		return entry{}, fmt.Errorf("%w: the record is not JSON of the expected form", ErrCorrupt)
	}
	if w.Account != account {
		return entry{}, fmt.Errorf("%w: the record belongs to another account", ErrCorrupt)
	}
	if w.Generation == 0 {
		return entry{}, fmt.Errorf("%w: generation 0", ErrCorrupt)
	}
	r := Record{
		Lineage: w.Lineage, Generation: w.Generation, Account: w.Account, Server: w.Server, UserID: w.UserID, Username: w.Username,
		Access: redact.New(w.Access), Refresh: redact.New(w.Refresh), Previous: redact.New(w.Previous),
		Password: passwordOf(w.Password), Static: redact.New(w.Static),
		SessionID: w.SessionID, Orphan: w.Orphan, Spare: redact.New(w.Spare), EmergencyKey: redact.New(w.EmergencyKey),
		NewPassword:     passwordOf(w.NewPassword),
		PasswordRefused: w.PasswordRefused, Tombstone: w.Tombstone, unknown: unknownFields[wireRecord](e.Record),
	}
	if r, err = withSpares(r, w); err != nil {
		return entry{}, err
	}
	if len(w.Intent) > 0 && string(w.Intent) != "null" {
		var i wireIntent
		if err := json.Unmarshal(w.Intent, &i); err != nil {
			return entry{}, fmt.Errorf("%w: the intent is not JSON of the expected form", ErrCorrupt)
		}
		if i.Purpose < RenewPair || i.Purpose > ChangePassword {
			return entry{}, fmt.Errorf("%w: the record tells of an attempt of the unknown kind %d", ErrNewer, i.Purpose)
		}
		r.Intent = &Intent{Since: i.Since, Attempt: i.Attempt, Purpose: i.Purpose, unknown: unknownFields[wireIntent](w.Intent)}
	}
	return entry{Record: r, seq: w.Sequence, raw: raw}, nil
}

// sameBut Intent: a slot that lacks only the mark of a running rotation need
// not be written again, since the journal carries that mark.
func sameButIntent(a, b entry) bool {
	x, y := a.Record, b.Record
	x.Intent, y.Intent = nil, nil
	return x == y
}
