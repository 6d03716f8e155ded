// Package health turns the conditions that the parts of the program report
// into the one level a person sees.
//
// A condition is declared once, with its severity, its remedy and how long it
// must last before it shows, so that a reconnect of a second never reaches the
// tray. The package knows no part of the program and does no I/O.
//
// Begin with Board: a part of the program raises a Condition there and clears it
// later, from any goroutine. Snapshot is what status, page and icon show.
package health

import "fmt"

// Level is how an account is doing, as a person would put it. The zero value
// is OK; a higher level is worse.
type Level int

const (
	OK        Level = iota // everything works
	Degraded               // something is missing, playing works
	Offline                // a temporary failure; nothing for the user to do
	NeedsUser              // only the user can put it right
	Paused                 // switched off by the user
)

var levelNames = [...]string{"ok", "degraded", "offline", "needs-user", "paused"}

// String returns the level's name in status --json.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("level(%d)", int(l))
	}
	return levelNames[l]
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	for i, name := range levelNames {
		if name == string(text) {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("unknown level %q", text)
}
