package tray

import (
	"context"
	"fmt"
	"slices"
	"time"

	"shelfkeeper/daemon/desktop/notify"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// messenger shows messages of the desktop. *notify.Notifier is one.
type messenger interface {
	Show([]notify.Notice)
	Clicked() <-chan string
}

// hostGrace is how long a panel may take to appear at login before the user
// hears that there is none.
const hostGrace = 30 * time.Second

// messages are what the user is told besides the icon: that an account needs
// its user, and that there is no place for the icon. Only the ui's goroutine
// uses them.
type messages struct {
	to    messenger // nil for none
	shown []notify.Notice
	muted []string           // keys that an earlier process has told
	mends map[string]Command // what a click on a notice does
	asked map[Command]bool   // commands that a notice has begun
	fails map[string]notify.Notice
	count int // of fails, so that each is told
	noTry notify.Notice
}

// wanted returns the notices that hold, and what a click on each of them does.
func wanted(s health.Snapshot) (list []notify.Notice, mends map[string]Command) {
	mends = map[string]Command{}
	for _, a := range s.Accounts {
		if a.Level != health.NeedsUser && a.Condition != health.EmergencyKey.ID {
			continue
		}
		n := notify.Notice{Key: a.Name + "/" + a.Condition, Title: person(a) + " needs you", Body: sentence(a.Reason, a.Remedy), Account: a.Name}
		n.Label, mends[n.Key] = "Show", Command{Act: ShowPage, Account: a.Name}
		if slices.Contains(mendedByRenewing, a.Condition) {
			n.Label, mends[n.Key] = "Re-authenticate", Command{Act: Reauthenticate, Account: a.Name}
		}
		list = append(list, n)
	}
	return list, mends
}

// mendedByRenewing are the conditions that one click may end: the keychain's
// prompt appears, the provider's page opens, or the server is asked once more.
var mendedByRenewing = []string{
	health.SessionLost.ID, health.EmergencyKey.ID, health.PasswordRefused.ID, health.AccountDisabled.ID,
	health.VaultLocked.ID, health.VaultDenied.ID, health.VaultAbsent.ID,
}

func sentence(reason, remedy string) string {
	text := oneLine(reason)
	if remedy != "" {
		text += "\n→ " + oneLine(remedy)
	}
	return text
}

// tell shows what holds now, where it differs from what is shown.
func (u *ui) tell() {
	m := &u.messages
	if m.to == nil {
		return
	}
	s := *u.feed.snapshot()
	list, mends := wanted(s)
	m.mends = mends
	for account, n := range m.fails {
		mends[n.Key] = Command{Act: ShowPage, Account: account}
	}
	m.muted = slices.DeleteFunc(m.muted, func(key string) bool {
		return !slices.ContainsFunc(list, func(n notify.Notice) bool { return n.Key == key })
	})
	list = slices.DeleteFunc(list, func(n notify.Notice) bool { return slices.Contains(m.muted, n.Key) })
	for _, a := range s.Accounts {
		if n, ok := m.fails[a.Name]; ok && a.Level == health.NeedsUser {
			list = append(list, n)
		} else {
			delete(m.fails, a.Name)
		}
	}
	if m.noTry.Key != "" {
		list = append(list, m.noTry)
	}
	if !slices.Equal(list, m.shown) {
		m.shown = list
		m.to.Show(list)
	}
}

// mute leaves untold what an earlier process of the tray, which died, has told
// already.
func (m *messages) mute(s health.Snapshot, began time.Time) {
	list, _ := wanted(s)
	for i, a := range slices.DeleteFunc(slices.Clone(s.Accounts), func(a health.Account) bool { return a.Level != health.NeedsUser }) {
		if a.Since.Before(began.Add(-2 * lastRestart)) {
			m.muted = append(m.muted, list[i].Key)
		}
	}
}

func (u *ui) clickedNotices() <-chan string {
	if u.messages.to == nil {
		return nil
	}
	return u.messages.to.Clicked()
}

// mend does what a click on a notice asks for.
func (u *ui) mend(ctx context.Context, key string) {
	m := &u.messages
	if key == m.noTry.Key {
		m.noTry = notify.Notice{}
		return
	}
	c, ok := m.mends[key]
	if !ok {
		return
	}
	delete(m.fails, c.Account)
	m.asked[c] = c.Act == Reauthenticate
	u.obey(ctx, Line{Text: "notification", Enabled: true, Command: c})
}

// answer tells the end of a command that a notice has begun: without a panel
// nothing else would.
func (m *messages) answer(c Command, p *problem.Problem) {
	c = key(c)
	if !m.asked[c] {
		return
	}
	delete(m.asked, c)
	if p == nil {
		return
	}
	m.count++
	m.fails[c.Account] = notify.Notice{
		Key: fmt.Sprintf("%s/answer/%d", c.Account, m.count), Title: "Re-authenticating did not work", Body: sentence(p.Text, p.Remedy),
		Label: "Show", Account: c.Account,
	}
}

// hostless is told when no panel has shown the icon for a while, or when one
// does after all.
func (u *ui) hostless(ctx context.Context, none bool) {
	report := health.Tray{}
	u.messages.noTry = notify.Notice{}
	if none {
		report = health.Tray{Condition: "no-host", Reason: "no panel shows the icon", Remedy: hostRemedy(desktopName())}
		u.cfg.Log.Warn("no panel shows the tray icon", "desktop", desktopName(), "remedy", report.Remedy)
		if u.messages.to != nil && u.cfg.FirstTime("no-tray-"+desktopName()) {
			u.messages.noTry = notify.Notice{Key: "no-tray", Title: "Shelfkeeper runs, but no panel shows its icon", Body: sentence(
				"Everything works without it, and `shelfkeeper status` tells the same", report.Remedy)}
		}
	}
	u.running.Go(func() {
		if err := u.cfg.Client.ReportTray(ctx, report); err != nil && ctx.Err() == nil {
			u.cfg.Log.Debug("the daemon was not told of the panel", "reason", err)
		}
	})
}
