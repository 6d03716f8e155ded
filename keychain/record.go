package keychain

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"shelfkeeper/daemon/redact"
)

// maxRecord is the size limit of an encoded record in bytes. Windows allows
// 2,560 bytes a credential (CRED_MAX_CREDENTIAL_BLOB_SIZE); on macOS go-keyring
// writes base64 into a 4,096-byte command line, so about 2,900.
const maxRecord = 2300

// recordVersion is the schema this program writes and the highest it reads.
const recordVersion = 1

// Record is everything that is kept of one account's session. It is a value:
// the vault never changes one in place.
type Record struct {
	Lineage         string // the sign-in this record descends from
	Generation      uint64 // grows by one a rotation and never restarts
	Account         string // name of the account
	Server          string // address of the server that may see these secrets; "" unknown
	UserID          string // id of the user on the server
	Username        string
	Access          redact.Secret // access token
	Refresh         redact.Secret // refresh token
	Previous        redact.Secret // the refresh token before, for the grace window
	Password        Password      // the stored password, if the user allowed it
	Static          redact.Secret // API key or legacy token
	SessionID       string        // the server's id of the session, where it tells; "" unknown
	Orphan          string        // id of an earlier session of ours that may still be on the server
	Spare           redact.Secret // refresh token of a second server session, for accounts without a password
	NewPassword     Password      // the password that a change under way would bring
	PasswordRefused bool          // the stored password was rejected
	Intent          *Intent       // a rotation is under way
	Tombstone       bool          // signed out
}

// Intent says that a request which replaces secrets began and that its outcome
// is not known.
type Intent struct {
	Since   time.Time
	Attempt int
	Purpose Purpose
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

type wireRecord struct {
	Lineage         string      `json:"lin,omitempty"`
	Generation      uint64      `json:"gen"`
	Sequence        uint64      `json:"seq,omitempty"`
	Account         string      `json:"acct"`
	Server          string      `json:"srv,omitempty"`
	UserID          string      `json:"uid,omitempty"`
	Username        string      `json:"user,omitempty"`
	Access          string      `json:"at,omitempty"`
	Refresh         string      `json:"rt,omitempty"`
	Previous        string      `json:"prev,omitempty"`
	Password        *string     `json:"pw,omitempty"` // "" is the empty password
	Static          string      `json:"static,omitempty"`
	SessionID       string      `json:"sid,omitempty"`
	Orphan          string      `json:"orphan,omitempty"`
	Spare           string      `json:"spare,omitempty"`
	NewPassword     *string     `json:"newpw,omitempty"`
	PasswordRefused bool        `json:"pwref,omitempty"`
	Intent          *wireIntent `json:"intent,omitempty"`
	Tombstone       bool        `json:"tomb,omitempty"`
}

type wireIntent struct {
	Since   time.Time `json:"since"`
	Attempt int       `json:"n"`
	Purpose Purpose   `json:"for,omitempty"`
}

// envelope is the stored form. The record stays raw so that the checksum is
// over the bytes themselves.
type envelope struct {
	Version int             `json:"v"`
	Sum     string          `json:"sum"`
	Record  json.RawMessage `json:"rec"`
}

func checksum(record []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "v%d\n%s", recordVersion, record))
	return hex.EncodeToString(sum[:8])
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // & in a password would grow sixfold
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// encodeRecord returns r as an entry. The errors are ErrInvalid and
// ErrTooLarge, and name fields, never values.
func encodeRecord(r Record, seq uint64) (entry, error) {
	if err := checkAccount(r.Account); err != nil {
		return entry{}, err
	}
	if r.Generation == 0 {
		return entry{}, fmt.Errorf("%w: generation 0", ErrInvalid)
	}
	w := wireRecord{
		Lineage: r.Lineage, Generation: r.Generation, Sequence: seq, Account: r.Account,
		Server: r.Server, UserID: r.UserID, Username: r.Username,
		Access: r.Access.Reveal(), Refresh: r.Refresh.Reveal(), Previous: r.Previous.Reveal(),
		Password: r.Password.text(), Static: r.Static.Reveal(),
		SessionID: r.SessionID, Orphan: r.Orphan, Spare: r.Spare.Reveal(), NewPassword: r.NewPassword.text(),
		PasswordRefused: r.PasswordRefused, Tombstone: r.Tombstone,
	}
	if r.Intent != nil {
		// Round drops the monotonic clock, which no file can carry.
		since := r.Intent.Since.UTC().Round(0)
		r.Intent = &Intent{Since: since, Attempt: r.Intent.Attempt, Purpose: r.Intent.Purpose}
		w.Intent = &wireIntent{Since: since, Attempt: r.Intent.Attempt, Purpose: r.Intent.Purpose}
	}
	// JSON replaces invalid UTF-8 without a word, which would change a password.
	for _, f := range w.fields() {
		if !utf8.ValidString(f.value) {
			return entry{}, fmt.Errorf("%w: the %s is not valid UTF-8", ErrInvalid, f.name)
		}
	}
	body, err := marshal(w)
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	raw, err := marshal(envelope{Version: recordVersion, Sum: checksum(body), Record: body})
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(raw) > maxRecord {
		return entry{}, fmt.Errorf("%w: %d bytes, %d fit; %s", ErrTooLarge, len(raw), maxRecord, w.longest())
	}
	return entry{Record: r, seq: seq, raw: string(raw)}, nil
}

type field struct{ name, value string }

func (w wireRecord) fields() []field {
	return []field{
		{"access token", w.Access}, {"refresh token", w.Refresh}, {"previous refresh token", w.Previous},
		{"password", passwordOf(w.Password).secret.Reveal()}, {"new password", passwordOf(w.NewPassword).secret.Reveal()}, {"API key", w.Static}, {"spare refresh token", w.Spare},
		{"user name", w.Username}, {"user id", w.UserID},
		{"account name", w.Account}, {"lineage", w.Lineage},
	}
}

// longest names the up to three longest fields.
func (w wireRecord) longest() string {
	fields := w.fields()
	slices.SortStableFunc(fields, func(a, b field) int { return len(b.value) - len(a.value) })
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
	if err := json.Unmarshal([]byte(raw), &e); err != nil {
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
		SessionID: w.SessionID, Orphan: w.Orphan, Spare: redact.New(w.Spare), NewPassword: passwordOf(w.NewPassword),
		PasswordRefused: w.PasswordRefused, Tombstone: w.Tombstone,
	}
	if w.Intent != nil {
		r.Intent = &Intent{Since: w.Intent.Since, Attempt: w.Intent.Attempt, Purpose: w.Intent.Purpose}
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
