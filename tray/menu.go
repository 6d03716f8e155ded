package tray

import (
	"fmt"

	"shelfkeeper/daemon/health"
)

// Act is what a line of the menu does.
type Act int

const (
	Nothing        Act = iota
	Open               // show Command.URL in the browser
	Reauthenticate     // make the session of Command.Account anew
	Copy               // put Command.URL into the clipboard
	OpenAsAdmin        // the same, with what administers the server
	ShowPage           // show the status page in the browser
	Quit               // end the daemon, and the tray with it
)

// Command is what a click asks for.
type Command struct {
	Act     Act
	Account string
	URL     string
}

// Line is one line of the menu.
type Line struct {
	Text    string
	Enabled bool
	Command Command
}

// Model is everything that the user sees. Between the three parts of the menu
// are separators.
type Model struct {
	Level   health.Level
	Tooltip string
	Status  []Line // never enabled: text to read
	Actions []Line
	Page    Line // the last of the actions
	Quit    Line
}

const (
	// shownAccounts have lines of their own. A line keeps its place, so that a
	// click in a menu that is being redrawn does what the user read.
	shownAccounts = 6

	statusPerAccount  = 5 // state, two of the cause, remedy, what became of a command
	actionsPerAccount = 4
)

// menu returns what the user sees of a snapshot and of what became of the
// user's commands. It is pure.
func menu(s health.Snapshot, n notes) Model {
	m := Model{Level: s.Level, Tooltip: tooltip(s), Quit: Line{"Quit", true, Command{Act: Quit}}}
	if text := n.trouble(Command{Act: Quit}); text != "" {
		m.Status = append(m.Status, Line{Text: text})
	}
	m.Page = page(s.Page, n)
	if len(s.Accounts) == 0 {
		m.Status = append(m.Status,
			Line{Text: oneLine(health.NoAccount.Text)},
			Line{Text: oneLine(health.NoAccount.Remedy)})
		m.Actions = actions(health.Account{}, "", nil)
		for i := range m.Actions {
			m.Actions[i].Enabled = false
		}
		return m
	}
	for i, a := range s.Accounts {
		if i == shownAccounts {
			m.Status = append(m.Status, Line{Text: fmt.Sprintf("and %d more: run \"shelfkeeper status\"", len(s.Accounts)-i)})
			break
		}
		m.Status = append(m.Status, status(a, n)...)
		which := ""
		if len(s.Accounts) > 1 {
			which = " (" + clip(oneLine(a.Name), maxName) + ")"
		}
		m.Actions = append(m.Actions, actions(a, which, n)...)
	}
	return m
}

func status(a health.Account, n notes) []Line {
	lines := []Line{{Text: clip(state(a), maxLine)}}
	for _, text := range cause(a) {
		lines = append(lines, Line{Text: text})
	}
	if a.Level != health.OK && a.Remedy != "" {
		lines = append(lines, Line{Text: clip(oneLine(a.Remedy), maxLine)})
	}
	if r := a.Proxy.Refused; a.Level == health.OK && len(r) > 0 {
		text := fmt.Sprintf("Refused %d x %s: allow it? See \"shelfkeeper status\"", r[0].Count, clip(oneLine(r[0].Program), maxName))
		lines = append(lines, Line{Text: clip(text, maxLine)})
	}
	for _, act := range []Act{Reauthenticate, Open, Copy} {
		if text := n.trouble(Command{Act: act, Account: a.Name}); text != "" {
			return append(lines, Line{Text: text})
		}
	}
	return lines
}

func actions(a health.Account, which string, n notes) []Line {
	reauth := Command{Act: Reauthenticate, Account: a.Name}
	text, after, busy := n.progress(reauth)
	return []Line{
		{"Open Audiobookshelf" + which, a.Proxy.URL != "", Command{Open, a.Name, a.Proxy.URL}},
		asAdmin(a, which),
		{text + which + after, !busy, reauth},
		{"Copy player address" + which, a.Proxy.URL != "", Command{Copy, a.Name, a.Proxy.URL}},
	}
}

// page offers the status page, and says why it is not open. It is hidden where
// there is none.
func page(p health.Page, n notes) Line {
	l := Line{"Status page", p.Reason == "", Command{Act: ShowPage, URL: p.URL}}
	switch trouble := n.trouble(l.Command); {
	case p.URL == "":
		return Line{}
	case p.Reason != "":
		l.Text = clip("Status page: "+oneLine(p.Reason), maxLine)
	case trouble != "":
		l.Text = clip("Status page: "+trouble, maxLine)
	}
	return l
}

// asAdmin offers the page of an administrator; its line is hidden for others.
func asAdmin(a health.Account, which string) Line {
	if !a.Admin {
		return Line{}
	}
	return Line{"Open Audiobookshelf as administrator" + which, a.Proxy.URL != "", Command{OpenAsAdmin, a.Name, a.Proxy.URL}}
}

// The places of the menu, in which a Model is laid out: first the status, then
// the actions, and Quit.
const (
	statusPlaces = 1 + shownAccounts*statusPerAccount + 1 // what became of Quit, and "and n more"
	actionPlaces = shownAccounts * actionsPerAccount
	places       = statusPlaces + actionPlaces + 2 // and the page, and Quit
)

// layout returns the lines at their places. A place without text is hidden.
func (m Model) layout() (at [places]Line) {
	copy(at[:statusPlaces], m.Status)
	copy(at[statusPlaces:statusPlaces+actionPlaces], m.Actions)
	at[places-2], at[places-1] = m.Page, m.Quit
	return at
}
