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
	OpenAsAdmin        // Open, with what administers the server
	OpenAsApp          // Open, in a window of its own
	Pause              // serve no player of Command.Account until it is resumed
	PauseTomorrow      // the same, until tomorrow morning
	Resume             // serve players again
	ShowPage           // show the status page in the browser, at Command.Account
	ShowPlayers        // show who plays, and what a new player is given, at Command.Account
	CheckUp            // look for what is wrong
	StartAtLogin       // let the system start the daemon at login
	StopAtLogin        // undo that
	Restart            // move over to the program that is installed
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
	Mark    Mark
}

// Mark is whether a line shows that something is switched on.
type Mark int

const (
	Unmarked Mark = iota // it is no switch
	SwitchedOff
	SwitchedOn
)

// Model is everything that the user sees. Between the three parts of the menu
// are separators.
type Model struct {
	Level   health.Level
	Working bool // a session is being renewed because the user clicked
	Tooltip string
	Status  []Line // never enabled: text to read
	Actions []Line // of the accounts
	General []Line // of the program: status page, start at login, quit
}

const (
	// shownAccounts have lines of their own. A line keeps its place, so that a
	// click in a menu that is being redrawn does what the user read.
	shownAccounts = 6

	statusPerAccount  = 5 // state, two of the cause, remedy, what became of a command
	actionsPerAccount = 8
	generalLines      = 5
)

// abilities are what the desktop has, as far as the menu shows it.
type abilities struct {
	login Mark // whether the daemon starts at login; Unmarked for not knowing, which hides the line
	app   bool // it can show a page in a window of its own
}

// menu returns what the user sees of a snapshot and of what became of the
// user's commands. It is pure.
func menu(s health.Snapshot, n notes, can abilities) Model {
	m := Model{Level: s.Level, Tooltip: tooltip(s), Working: n.working(), General: general(s, n, can.login)}
	for _, act := range []Act{Quit, Restart, StartAtLogin, StopAtLogin} {
		if text := n.trouble(Command{Act: act}); text != "" {
			m.Status = append(m.Status, Line{Text: text})
			break
		}
	}
	if len(s.Accounts) == 0 {
		m.Status = append(m.Status,
			Line{Text: oneLine(health.NoAccount.Text)},
			Line{Text: oneLine(health.NoAccount.Remedy)})
		m.Actions = actions(s.Page, health.Account{}, "", nil, false)[:copyAt+1]
		for i := range m.Actions {
			m.Actions[i].Enabled = false
		}
		return m
	}
	called := people(s.Accounts)
	for i, a := range s.Accounts {
		if i == shownAccounts {
			m.Status = append(m.Status, Line{Text: fmt.Sprintf("and %d more: run \"shelfkeeper status\"", len(s.Accounts)-i)})
			break
		}
		who, which := "Audiobookshelf as "+clip(oneLine(a.User), maxName), ""
		if len(s.Accounts) > 1 || a.User == "" || a.Alias != "" {
			who = called[i]
		}
		if len(s.Accounts) > 1 {
			which = " (" + called[i] + ")"
		}
		m.Status = append(m.Status, status(a, who, n)...)
		m.Actions = append(m.Actions, actions(s.Page, a, which, n, can.app)...)
	}
	return m
}

func general(s health.Snapshot, n notes, login Mark) []Line {
	lines := []Line{page(s.Page, n), checkUp(s, n), {}, {}, {Text: "Quit", Enabled: true, Command: Command{Act: Quit}}}
	if s.Installed != "" {
		lines[3] = Line{Text: clip("Move over to version "+oneLine(s.Installed), maxLine), Enabled: true, Command: Command{Act: Restart}}
	}
	switch login {
	case SwitchedOn:
		lines[2] = Line{Text: "Start at login", Enabled: true, Command: Command{Act: StopAtLogin}, Mark: login}
	case SwitchedOff:
		lines[2] = Line{Text: "Start at login", Enabled: true, Command: Command{Act: StartAtLogin}, Mark: login}
	}
	return lines
}

func status(a health.Account, who string, n notes) []Line {
	lines := []Line{{Text: clip(state(a, who), maxLine)}}
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
	for _, act := range []Act{Reauthenticate, Open, OpenAsApp, OpenAsAdmin, ShowPlayers, Copy, Pause, PauseTomorrow, Resume} {
		if text := n.trouble(Command{Act: act, Account: a.Name}); text != "" {
			return append(lines, Line{Text: text})
		}
	}
	return lines
}

// copyAt is the place among an account's actions of the last one that is shown,
// without effect, before there is an account.
const copyAt = 5

func actions(page health.Page, a health.Account, which string, n notes, app bool) []Line {
	reauth := Command{Act: Reauthenticate, Account: a.Name}
	text, after, busy := n.progress(reauth)
	if !busy && a.Session.Spare == health.SpareMissing && a.Level < health.NeedsUser && a.Condition != health.EmergencyKey.ID {
		text = "Make a spare session" // one click does: the session itself is in order
	}
	served := a.Proxy.URL != ""
	lines := []Line{
		{Text: "Open Audiobookshelf" + which, Enabled: served, Command: Command{Open, a.Name, a.Proxy.URL}},
		asApp(app, a, which),
		asAdmin(a, which),
		{Text: text + which + after, Enabled: !busy, Command: reauth},
		{Text: "Players" + which, Enabled: page.Reason == "", Command: Command{ShowPlayers, a.Name, page.URL}},
		{Text: "Copy player address" + which, Enabled: served, Command: Command{Copy, a.Name, a.Proxy.URL}},
		{Text: "Pause until tomorrow" + which, Enabled: true, Command: Command{Act: PauseTomorrow, Account: a.Name}},
		{Text: "Pause until resumed" + which, Enabled: true, Command: Command{Act: Pause, Account: a.Name}},
	}
	if page.URL == "" {
		lines[4] = Line{}
	}
	if a.Level == health.Paused {
		lines[6] = Line{Text: "Resume" + which, Enabled: true, Command: Command{Act: Resume, Account: a.Name}}
		lines[7] = Line{}
	}
	return lines
}

// page offers the status page, and says why it is not open. It is hidden where
// there is none.
func page(p health.Page, n notes) Line {
	l := Line{Text: "Status page", Enabled: p.Reason == "", Command: Command{Act: ShowPage, URL: p.URL}}
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

// checkUp looks for what is wrong, where the user reads what came of it: at the
// account on the status page that is worst.
func checkUp(s health.Snapshot, n notes) Line {
	if s.Page.URL == "" {
		return Line{}
	}
	l := Line{Text: "Check-up", Enabled: s.Page.Reason == "", Command: Command{Act: CheckUp, URL: s.Page.URL}}
	worst := health.OK
	for _, a := range s.Accounts {
		if l.Command.Account == "" || a.Level > worst && a.Level != health.Paused {
			worst, l.Command.Account = a.Level, a.Name
		}
	}
	if trouble := n.trouble(l.Command); trouble != "" {
		l.Text = clip("Check-up: "+trouble, maxLine)
	}
	return l
}

// asApp offers the page in a window of its own; its line is hidden where no browser can.
func asApp(app bool, a health.Account, which string) Line {
	if !app {
		return Line{}
	}
	return Line{Text: "Open in a window of its own" + which, Enabled: a.Proxy.URL != "", Command: Command{OpenAsApp, a.Name, a.Proxy.URL}}
}

// asAdmin offers the page of an administrator; its line is hidden for others.
func asAdmin(a health.Account, which string) Line {
	if !a.Admin {
		return Line{}
	}
	return Line{Text: "Open Audiobookshelf as administrator" + which, Enabled: a.Proxy.URL != "",
		Command: Command{OpenAsAdmin, a.Name, a.Proxy.URL}}
}

// The places of the menu, in which a Model is laid out: first the status, then
// the actions, and what concerns the program.
const (
	statusPlaces = 1 + shownAccounts*statusPerAccount + 1 // what became of a command, and "and n more"
	actionPlaces = shownAccounts * actionsPerAccount
	generalPlace = statusPlaces + actionPlaces
	places       = generalPlace + generalLines
)

// layout returns the lines at their places. A place without text is hidden.
func (m Model) layout() (at [places]Line) {
	copy(at[:statusPlaces], m.Status)
	copy(at[statusPlaces:generalPlace], m.Actions)
	copy(at[generalPlace:], m.General)
	return at
}
