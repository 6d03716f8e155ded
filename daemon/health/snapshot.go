package health

import "time"

// Snapshot is the state of the whole program at one moment: what the control
// socket serves, `status --json` prints and the tray draws. It never holds a
// secret.
type Snapshot struct {
	Version string `json:"version"`
	// Installed is the version of the program that was installed over this one;
	// "" for none.
	Installed string    `json:"installed,omitempty"`
	PID       int       `json:"pid"`
	Run       string    `json:"run"` // names the start of this daemon
	At        Time      `json:"at"`
	Level     Level     `json:"level"` // the worst account's
	Page      Page      `json:"page"`
	Accounts  []Account `json:"accounts"`
	Tray      *Tray     `json:"tray,omitempty"` // nil while nothing is wrong with it
	// Unlisted is what the vault holds of accounts that no list names; nil for
	// nothing.
	Unlisted *Unlisted `json:"unlisted,omitempty"`
}

// Unlisted are accounts that the vault has files of and that cannot be listed,
// since those files cannot be read.
type Unlisted struct {
	Accounts []string `json:"accounts"`
	Reason   string   `json:"reason"`
	Remedy   string   `json:"remedy"`
}

// Tray is why no panel shows the icon.
type Tray struct {
	Condition string `json:"condition"` // "no-host", or "" for nothing
	Reason    string `json:"reason"`
	Remedy    string `json:"remedy"`
}

// Page is the status page. URL is empty where there is none, and Condition where
// nothing is wrong with it.
type Page struct {
	URL       string `json:"url"`
	Condition string `json:"condition"`
	Reason    string `json:"reason"`
	Remedy    string `json:"remedy"`
}

// Account is one account's part of a Snapshot.
type Account struct {
	Name          string  `json:"name"`
	Alias         string  `json:"alias,omitempty"` // the name that the user has given the account; "" for none
	Server        string  `json:"server"`
	Address       string  `json:"address"`           // of several, the one in use; "" where there is one
	Through       string  `json:"through,omitempty"` // the proxy to the server, and what sets it; "" for none
	ServerVersion string  `json:"server_version"`
	User          string  `json:"user"`
	Admin         bool    `json:"admin,omitempty"` // the user administers the server, as far as that is known
	Level         Level   `json:"level"`
	Condition     string  `json:"condition"`
	Reason        string  `json:"reason"`
	Remedy        string  `json:"remedy"`
	Since         Time    `json:"since"`
	Session       Session `json:"session"`
	Loss          *Loss   `json:"loss"` // the newest that is known of; null for none
	Socket        Socket  `json:"socket"`
	Proxy         Proxy   `json:"proxy"`
	Vault         Vault   `json:"vault"`

	Progress Progress `json:"progress"`
}

// Progress tells about players' reports of listening that the server could not
// take.
type Progress struct {
	Waiting        int    `json:"waiting"` // to be delivered
	Oldest         Time   `json:"oldest"`  // of them
	SetAside       int    `json:"aside"`   // that the server refused, kept and not sent again
	SetAsideReason string `json:"aside_reason"`
	OtherUsers     int    `json:"others"` // that wait for another user of the account's name
}

// Session is the login as the session engine sees it.
type Session struct {
	State  string `json:"state"`  // name of the state machine's state
	Method string `json:"method"` // password, session only (no password is stored), openid, api key, legacy token
	// Spare says whether a second session is kept that takes over when this one is lost:
	// kept, or missing where one click makes it. Empty where none is of use.
	Spare string `json:"spare,omitempty"`
	// EmergencyKey says whether an API key is kept that stands in for a lost session:
	// kept, in use, ended or refused. Empty where there is none.
	EmergencyKey       string `json:"emergency_key,omitempty"`
	EmergencyKeyEndsAt Time   `json:"emergency_key_ends_at,omitzero"`
	Generation         uint64 `json:"generation"`
	AccessExpiresAt    Time   `json:"access_expires_at"`
	RefreshExpiresAt   Time   `json:"refresh_expires_at"`
	NextRotationAt     Time   `json:"next_rotation_at"` // zero where it is renewed on use
	// Idle: nobody is served. The session is renewed on use.
	Idle           bool         `json:"idle"`
	Refreshes      int          `json:"refreshes"`       // that gave a new pair, since the start
	PasswordLogins int          `json:"password_logins"` // by the stored password, since the start
	LastRotation   LastRotation `json:"last_rotation"`
}

// The values of Session.Spare.
const (
	SpareKept    = "kept"
	SpareMissing = "missing"
)

// The values of Session.EmergencyKey.
const (
	KeyKept    = "kept"
	KeyInUse   = "in use"
	KeyEnded   = "ended"
	KeyRefused = "refused"
)

// Loss is the most likely reason why the session was lost, and what to do.
type Loss struct {
	At        Time   `json:"at"`
	Cause     string `json:"cause"`   // one word, for scripts
	Certain   bool   `json:"certain"` // the record proves it
	Sentence  string `json:"sentence"`
	Remedy    string `json:"remedy"`    // "" if there is nothing to do
	Recovered bool   `json:"recovered"` // the account has been signed in again since
}

// LastRotation is the newest attempt to renew the session.
type LastRotation struct {
	At      Time   `json:"at"`
	Outcome string `json:"outcome"`
}

// Socket is the live connection. Its state is "off" where there is none.
type Socket struct {
	State      string `json:"state"`
	Since      Time   `json:"since"`
	Reconnects int    `json:"reconnects"`
	Reason     string `json:"reason"` // why it is not authenticated, or was not before
}

// Proxy is the local address for players, counted since the start.
type Proxy struct {
	URL string `json:"url"`
	// Extra are addresses beyond this machine, where everybody needs a grant.
	Extra []string `json:"extra,omitempty"`
	// ExtraCertificate is the SHA-256 of the certificate that is shown there.
	ExtraCertificate string `json:"extra_certificate,omitempty"`
	Requests         uint64 `json:"requests"`
	Bytes            uint64 `json:"bytes"`
	Active           int    `json:"active"`
	// Unauthorized counts the 401 that players got.
	Unauthorized uint64 `json:"unauthorized"`
	// Resumed counts how often a stream was continued after a break. Held
	// counts the requests that waited for a temporary failure to end.
	Resumed uint64 `json:"resumed"`
	Held    uint64 `json:"held"`
	// Refused are programs that were refused something, the newest first.
	Refused []Refused `json:"refused,omitempty"`
	// Visitors are programs that were let in, the newest first.
	Visitors []Visitor `json:"visitors,omitempty"`
	// Streams are what is sent to players at this moment, the newest first.
	Streams []Stream `json:"streams,omitempty"`
}

// Stream is a book or an episode that is sent to a player, or was until a few
// seconds ago.
type Stream struct {
	Program string  `json:"program"`
	Kind    string  `json:"kind"` // of ID: item, session or feed
	ID      string  `json:"id"`
	File    string  `json:"file,omitempty"` // of an item
	Since   Time    `json:"since"`
	Bytes   uint64  `json:"bytes"`
	Rate    float64 `json:"rate"` // bytes a second, of the last moments
	Now     bool    `json:"now"`  // it runs
}

// Visitor is a program that was let in, in the last days.
type Visitor struct {
	Program  string `json:"program"` // as the system or the program itself names it
	Grant    string `json:"grant"`   // the id of its grant; "" for none
	Scope    string `json:"scope"`
	Requests uint64 `json:"requests"`
	Last     Time   `json:"last"`
}

// Refused is a program that was refused something that the user could allow.
type Refused struct {
	Program string `json:"program"` // as the system or the program itself names it
	Origin  string `json:"origin"`  // of its page; "" for none
	Reason  string `json:"reason"`  // the refusal's name
	Cause   string `json:"cause"`   // in words
	Remedy  string `json:"remedy"`
	Count   uint64 `json:"count"`
	Last    Time   `json:"last"`
}

// Vault says where the session is kept. Its condition is "ok" or why not.
type Vault struct {
	Backend   string `json:"backend"`
	Condition string `json:"condition"`
}

// Time is a moment that JSON shows as RFC 3339 in UTC, and as null when it is
// not known.
type Time struct{ time.Time }

// At returns t as a Time.
func At(t time.Time) Time { return Time{t} }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"` + time.RFC3339 + `"`)), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = Time{}
		return nil
	}
	return t.Time.UnmarshalJSON(b)
}

// Worst returns the level of the gravest account: Paused counts only when
// every account is.
func Worst(accounts []Account) Level {
	worst, paused := OK, 0
	for _, a := range accounts {
		if a.Level == Paused {
			paused++
			continue
		}
		worst = max(worst, a.Level)
	}
	switch {
	case len(accounts) == 0:
		return NeedsUser
	case paused == len(accounts):
		return Paused
	}
	return worst
}
