package tray

import (
	"context"
	"sync"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/desktop/notify"
	"shelfkeeper/daemon/health"
)

// panel is the part of the desktop that shows the icon. One goroutine calls it.
type panel interface {
	icon(assets.Mark, assets.Scheme)
	tooltip(text string)
	line(place int, l Line) // a line without text is hidden
	// clicks are places, or activated; none is lost while nobody receives.
	clicks() <-chan int
}

// activated stands for a click on the icon itself, where a panel does not show
// the menu for it.
const activated = -1

// ui keeps a panel as the newest snapshot says. Only the goroutine in loop uses
// its unexported state.
type ui struct {
	cfg     Config
	feed    *feed
	schemes chan assets.Scheme // what the desktop says of its panel
	hosts   chan bool          // whether a panel shows the icon

	messages messages
	login    Mark // whether the daemon starts at login; Unmarked: not known

	scheme  assets.Scheme
	notes   notes
	done    chan outcome
	running sync.WaitGroup // commands

	drawn  bool
	shown  Model
	places [places]Line
	under  assets.Scheme // the shown icon's
}

// outcome is the end of a command, or with Nothing a look at the start at login.
type outcome struct {
	command Command
	login   Mark
	err     error
}

func newUI(c Config, f *feed) *ui {
	return &ui{
		cfg: c, feed: f, schemes: make(chan assets.Scheme, 1), hosts: make(chan bool, 1), notes: notes{}, done: make(chan outcome),
		messages: messages{asked: map[Command]bool{}, fails: map[string]notify.Notice{}},
	}
}

// loop draws and obeys until ctx ends.
func (u *ui) loop(ctx context.Context, p panel) {
	u.draw(p)
	if u.cfg.Again {
		u.messages.mute(*u.feed.snapshot(), time.Now())
	}
	u.tell()
	u.lookAtLogin(ctx)
	var grace <-chan time.Time // ends when a panel has been awaited long enough
	hosted := true
	for {
		select {
		case <-ctx.Done():
			u.finish()
			return
		case <-u.feed.changed:
			u.notes.settle(*u.feed.snapshot())
		case u.scheme = <-u.schemes:
		case o := <-u.done:
			if o.login != Unmarked {
				u.login = o.login
			}
			if o.command.Act != Nothing {
				u.note(o)
			}
		case place := <-p.clicks():
			if place == activated {
				u.obey(ctx, u.iconLine())
				break
			}
			u.obey(ctx, u.places[place])
		case key := <-u.clickedNotices():
			u.mend(ctx, key)
		case hosts := <-u.hosts:
			switch {
			case !hosts && hosted && grace == nil:
				grace = time.After(hostGrace)
			case hosts && !hosted:
				hosted = true
				u.hostless(ctx, false)
			}
			if hosts {
				grace = nil
			}
		case <-grace:
			grace, hosted = nil, false
			u.hostless(ctx, true)
		}
		u.draw(p)
		u.tell()
	}
}

// iconLine is what a click on the icon does.
func (u *ui) iconLine() Line {
	c := Command{Act: ShowPage}
	if u.cfg.ClickOpens {
		for _, a := range u.feed.snapshot().Accounts {
			if a.Proxy.URL != "" && a.Level != health.NeedsUser {
				c = Command{Open, a.Name, a.Proxy.URL}
				break
			}
		}
	}
	return Line{Text: "icon", Enabled: true, Command: c}
}

// finish waits for the commands, but not for ever.
func (u *ui) finish() {
	ended := make(chan struct{})
	go func() {
		u.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(endTimeout):
		u.cfg.Log.Debug("a command of the tray still runs at its end")
	}
}

// draw brings the panel to what is to be seen now. It touches only what
// differs: each call costs D-Bus messages and makes panels rebuild.
func (u *ui) draw(p panel) {
	m := menu(*u.feed.snapshot(), u.notes, abilities{u.login, u.cfg.OpenApp != nil})
	if !u.drawn || m.Level != u.shown.Level || m.Working != u.shown.Working || u.scheme != u.under {
		p.icon(markOf(m), u.scheme)
	}
	if !u.drawn || m.Tooltip != u.shown.Tooltip {
		p.tooltip(m.Tooltip)
	}
	places := m.layout()
	for i, l := range places {
		if !u.drawn || seen(l) != seen(u.places[i]) {
			p.line(i, l)
		}
	}
	u.shown, u.places, u.under, u.drawn = m, places, u.scheme, true
}

// seen is the part of a line that a panel shows.
func seen(l Line) Line {
	l.Command = Command{}
	return l
}

// markOf returns the icon of what is shown. An unknown level alarms.
func markOf(m Model) assets.Mark {
	if m.Working {
		return assets.Working
	}
	switch m.Level {
	case health.OK:
		return assets.OK
	case health.Degraded:
		return assets.Degraded
	case health.Offline:
		return assets.Offline
	case health.Paused:
		return assets.Paused
	}
	return assets.NeedsUser
}
