package dashboard

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/health"
)

// frame is what every page has.
type frame struct {
	Title   string
	Here    string // the entry of the navigation
	Level   string // of everything, for the icon of the tab
	Version string
	CSRF    string
	Live    bool   // it follows the daemon
	Follow  bool   // and without scripts it loads again by itself
	Said    string // what became of the last act
	Trouble *trouble
	Notices []noticeView
	Refusal string
	Base    string // the path below which the page lies; "" for none
	Restart string // where the page goes on when the daemon is back; "" while it runs
	Run     string // tells this daemon's page from that of the next one
	Body    any
}

// trouble is what went wrong with an act.
type trouble struct{ Text, Remedy string }

// accountView is an account as the page shows it.
type accountView struct {
	Name    string
	Path    string
	Title   string // whose it is
	Server  string
	Level   string
	Words   string
	Since   stamp
	Reason  string
	Remedy  string
	Actions []action // the first one is what helps
	Facts   []fact
	Streams []streamView
	Traffic string
	Week    []dayView
	CSRF    string
}

// action is a button: a form that is sent to Path, or a link for a Get.
type action struct {
	ID, Path, Label string
	Get             bool
	Strong, Grave   bool
}

// fact is one line about an account.
type fact struct {
	Label string
	Value string
	At    stamp  // a moment behind or instead of Value
	Note  string // smaller
	Copy  bool   // Value is for the clipboard
}

// stamp is a moment in words, and as machines read it.
type stamp struct{ Words, ISO string }

// when returns t as people of this machine say it.
func when(t, now time.Time) stamp {
	if t.IsZero() {
		return stamp{}
	}
	local, today := t.Local(), now.Local()
	layout := "2 January 2006, 15:04"
	switch days := day(local).Sub(day(today)).Hours() / 24; {
	case days == 0:
		layout = "15:04"
	case days > -7 && days < 7:
		layout = "Monday, 15:04"
	case local.Year() == today.Year():
		layout = "2 January, 15:04"
	}
	return stamp{local.Format(layout), t.UTC().Format(time.RFC3339)}
}

// day is the date of t at noon, so that days can be counted across changes to
// and from summer time.
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC)
}

func accountPath(name string, more ...string) string {
	return "/" + strings.Join(append([]string{"accounts", url.PathEscape(name)}, more...), "/")
}

// titleOf names an account as people do.
func titleOf(user, server, name string) string {
	if u, err := url.Parse(server); err == nil && u.Host != "" && user != "" {
		return text("account.named", user, u.Host)
	}
	return name
}

// titleOfAccount is the name that the user gave an account, or whose it is.
func titleOfAccount(a health.Account) string {
	if a.Alias != "" {
		return a.Alias
	}
	return titleOf(a.User, a.Server, a.Name)
}

// viewOf shows an account.
func (s *Server) viewOf(a health.Account, csrf string) accountView {
	now := time.Now()
	v := accountView{
		Name: a.Name, Path: accountPath(a.Name), Title: titleOfAccount(a), Server: a.Server, Level: a.Level.String(),
		Words: text("level." + a.Level.String()), Since: when(a.Since.Time, now), Reason: a.Reason, CSRF: csrf,
	}
	v.Actions = s.actions(a)
	helpOf(&v, a)
	if a.Admin && a.Proxy.URL != "" && a.Level != health.Paused {
		admin := action{ID: "admin-" + a.Name, Path: accountPath(a.Name, "open", "admin"), Label: text("act.open.admin")}
		v.Actions = slices.Insert(v.Actions, len(v.Actions)-1, admin)
	}
	if mayHaveKey(a) {
		key := action{ID: "key-" + a.Name, Path: accountPath(a.Name, "key"), Label: text("act.key.ask"), Get: true}
		v.Actions = slices.Insert(v.Actions, len(v.Actions)-1, key)
	}
	check := action{ID: "check-" + a.Name, Path: accountPath(a.Name, "check"), Label: text("act.check"), Get: true}
	v.Actions = slices.Insert(v.Actions, len(v.Actions)-1, check) // signing out stays the last one
	v.Week = week(s.cfg.Daemon.History(a.Name), now)
	v.Facts = append(sessionFacts(a, now), serviceFacts(a, now)...)
	v.Streams = s.streamsOf(a, now)
	v.Traffic = text("fact.traffic", count("count.requests", int(a.Proxy.Requests)), size(a.Proxy.Bytes))
	return v
}

// mends says which act mends a condition. The others offer to try again.
var mends = map[string]string{
	health.SignedOut.ID: "sign-in", health.OtherServer.ID: "sign-in", health.PasswordRefused.ID: "sign-in",
	health.SessionLost.ID: "sign-in", health.TokenRefused.ID: "sign-in", health.VaultUnreadable.ID: "sign-in",
	health.EmergencyKey.ID: "sign-in", health.PasswordOfOther.ID: "sign-in",
	health.VaultLocked.ID: "unlock", health.VaultPassphrase.ID: "passphrase", health.ServerUnrecognised.ID: "same-server",
}

func (s *Server) actions(a health.Account) []action {
	id := func(what string) string { return what + "-" + a.Name }
	open := action{ID: id("open"), Path: accountPath(a.Name, "open"), Label: text("act.open")}
	renew := action{ID: id("renew"), Path: accountPath(a.Name, "renew"), Label: text("act.renew")}
	out := action{ID: id("out"), Path: accountPath(a.Name, "sign-out"), Label: text("act.sign-out"), Get: true}
	pause := action{ID: id("pause"), Path: accountPath(a.Name, "pause"), Label: text("act.pause"), Get: true}
	reports := action{ID: id("reports"), Path: accountPath(a.Name, "reports"), Label: text("act.reports"), Get: true}
	if a.Level == health.Paused {
		return []action{{ID: id("resume"), Path: accountPath(a.Name, "resume"), Label: text("act.resume"), Strong: true}, out}
	}
	signIn := action{ID: id("in"), Path: accountPath(a.Name, "sign-in"), Label: text("act.sign-in"), Get: true}
	if a.Level == health.OK {
		open.Strong = true
		if a.Progress.SetAside > 0 {
			return []action{open, reports, renew, pause, out}
		}
		return []action{open, renew, pause, out}
	}
	switch mends[a.Condition] {
	case "sign-in":
		// The button tries by itself first: a spare or a stored password may do.
		renew.Label, renew.Strong = text("act.sign-in"), true
		if a.Condition == health.EmergencyKey.ID {
			return []action{renew, open, pause, out}
		}
		return []action{renew, out}
	case "unlock":
		renew.Label, renew.Strong = text("act.unlock"), true
		return []action{renew, out}
	case "passphrase":
		unlock := action{ID: id("unlock"), Path: accountPath(a.Name, "unlock"), Label: text("act.unlock"), Get: true, Strong: true}
		return []action{unlock, out}
	}
	if a.Level == health.NeedsUser || a.Level == health.Offline {
		renew.Label, renew.Strong = text("act.again"), true
		return []action{renew, open, signIn, out}
	}
	open.Strong = true
	if a.Progress.SetAside == 0 {
		return []action{open, renew, pause, out}
	}
	return []action{open, reports, renew, pause, out}
}

// sessionFacts tell about the login.
func sessionFacts(a health.Account, now time.Time) []fact {
	server := fact{Label: text("fact.server"), Value: a.Server}
	if a.ServerVersion != "" {
		server.Value = text("fact.version", a.Server, a.ServerVersion)
	}
	if a.Address != "" {
		server.Note = text("fact.through", a.Address)
	}
	facts := []fact{server}
	in := a.Session
	if in.Method != "" {
		facts = append(facts, fact{Label: text("fact.method"), Value: textOr("method."+in.Method, in.Method)})
	}
	switch {
	case mends[a.Condition] == "sign-in": // it is over
	case !in.RefreshExpiresAt.IsZero():
		facts = append(facts, fact{Label: text("fact.good"), At: when(in.RefreshExpiresAt.Time, now), Note: text("fact.good.note")})
	case in.Method == "api key" || in.Method == "legacy token":
		facts = append(facts, fact{Label: text("fact.good"), Value: text("fact.good.none")})
	}
	switch {
	case !in.NextRotationAt.IsZero() && in.NextRotationAt.Before(now):
		facts = append(facts, fact{Label: text("fact.next"), Value: text("now")})
	case !in.NextRotationAt.IsZero():
		facts = append(facts, fact{Label: text("fact.next"), At: when(in.NextRotationAt.Time, now)})
	case !in.RefreshExpiresAt.IsZero() && a.Level != health.NeedsUser && mends[a.Condition] != "sign-in":
		facts = append(facts, fact{Label: text("fact.next"), Value: text("fact.next.idle")})
	}
	if in.EmergencyKey != "" {
		facts = append(facts, fact{Label: text("fact.key"), At: when(in.EmergencyKeyEndsAt.Time, now), Note: text("fact.key." + in.EmergencyKey)})
	}
	if last := in.LastRotation; !last.At.IsZero() {
		facts = append(facts, fact{Label: text("fact.last"), At: when(last.At.Time, now), Note: last.Outcome})
	}
	if l := a.Loss; l != nil && now.Sub(l.At.Time) < lossShown && !strings.Contains(a.Reason, l.Sentence) {
		facts = append(facts, fact{Label: text("fact.loss"), At: when(l.At.Time, now), Note: l.Sentence})
	}
	return facts
}

// lossShown is how long a loss shows that is over.
const lossShown = 7 * 24 * time.Hour

// serviceFacts tell about what goes through.
func serviceFacts(a health.Account, now time.Time) []fact {
	socket := fact{Label: text("fact.socket"), Value: textOr("socket."+a.Socket.State, a.Socket.State)}
	if a.Socket.Reconnects > 0 {
		socket.Note = text("socket.reconnects", count("count.times", a.Socket.Reconnects))
	}
	if a.Socket.State != "authenticated" && a.Socket.Reason != "" && !strings.Contains(a.Reason, a.Socket.Reason) {
		socket.Note = a.Socket.Reason
	}
	vault := fact{Label: text("fact.vault"), Value: textOr("vault."+a.Vault.Backend, a.Vault.Backend),
		Note: textOr("vault."+a.Vault.Condition, a.Vault.Condition)}
	return []fact{
		socket,
		{Label: text("fact.players"), Value: a.Proxy.URL, Copy: a.Proxy.URL != ""},
		{Label: text("fact.progress"), Value: progressWords(a.Progress, now)},
		vault,
	}
}

// progressWords say what became of reports of listening.
func progressWords(p health.Progress, now time.Time) string {
	var parts []string
	switch oldest := when(p.Oldest.Time, now).Words; {
	case p.Waiting == 1:
		parts = append(parts, text("progress.1", oldest))
	case p.Waiting > 1:
		parts = append(parts, text("progress.waiting", p.Waiting, oldest))
	}
	if p.SetAside > 0 {
		parts = append(parts, text("progress.aside", p.SetAside, p.SetAsideReason))
	}
	if p.OtherUsers > 0 {
		parts = append(parts, text("progress.others", p.OtherUsers))
	}
	if len(parts) == 0 {
		return text("progress.none")
	}
	return strings.Join(parts, "; ")
}
