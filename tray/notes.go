package tray

import (
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// note is what became of one command.
type note struct {
	busy    bool
	at      time.Time // when it succeeded
	trouble *problem.Problem
}

// notes remembers what became of the newest command of each kind, by the
// command without its URL. Nothing else tells the user, since the menu closes
// at a click.
type notes map[Command]note

func key(c Command) Command { return Command{Act: c.Act, Account: c.Account} }

// trouble says what went wrong with c and what to do about it, "" for nothing.
func (n notes) trouble(c Command) string {
	p := n[key(c)].trouble
	if p == nil {
		return ""
	}
	text := map[Act]string{
		Open: "Could not open the browser: ", OpenAsAdmin: "Could not open the browser: ", OpenAsApp: "Could not open the window: ",
		Reauthenticate: "Re-authenticating did not work: ",
		Copy:           "Could not copy: ", Quit: "Could not quit: ", Restart: "Moving over to the new version did not work: ",
		ShowPage: "could not open it: ", CheckUp: "could not open it: ",
		ShowPlayers: "Could not open the players' page: ",
		Pause:       "Could not pause: ", PauseTomorrow: "Could not pause: ", Resume: "Could not resume: ",
		StartAtLogin: "Could not turn on the start at login: ", StopAtLogin: "Could not turn off the start at login: ",
	}[c.Act] + oneLine(p.Text)
	if p.Remedy == "" {
		return clip(text, 2*maxLine)
	}
	// The remedy is the part that must be seen.
	return clip(text, maxLine) + " → " + clip(oneLine(p.Remedy), maxLine)
}

// progress returns the words of the line that re-authenticates, before and
// after the account's name, and whether it is at work.
func (n notes) progress(c Command) (text, after string, busy bool) {
	switch note := n[key(c)]; {
	case note.busy:
		return "Re-authenticating…", "", true
	case !note.at.IsZero():
		return "Re-authenticate", " – done at " + note.at.Format("15:04"), false
	}
	return "Re-authenticate", "", false
}

// working reports whether a session is being renewed because the user clicked.
func (n notes) working() bool {
	for c, note := range n {
		if c.Act == Reauthenticate && note.busy {
			return true
		}
	}
	return false
}

// settle forgets troubles with sessions that are well again.
func (n notes) settle(s health.Snapshot) {
	for _, a := range s.Accounts {
		c := Command{Act: Reauthenticate, Account: a.Name}
		if a.Level == health.OK && n[c].trouble != nil {
			delete(n, c)
		}
	}
}
