package tray

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/desktop/notify"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// panel is the part of the desktop that shows the icon. One goroutine calls it.
type panel interface {
	icon(assets.Mark, assets.Scheme)
	tooltip(text string)
	line(place int, l Line) // a line without text is hidden
	clicks() <-chan int     // places; none is lost while nobody receives
}

// ui keeps a panel as the newest snapshot says. Only the goroutine in loop uses
// its unexported state.
type ui struct {
	cfg     Config
	feed    *feed
	schemes chan assets.Scheme // what the desktop says of its panel
	hosts   chan bool          // whether a panel shows the icon

	messages messages

	scheme  assets.Scheme
	notes   notes
	done    chan outcome
	running sync.WaitGroup // commands

	drawn  bool
	shown  Model
	places [places]Line
	under  assets.Scheme // the shown icon's
}

// outcome is the end of a command.
type outcome struct {
	command Command
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
			u.note(o)
		case place := <-p.clicks():
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
	m := menu(*u.feed.snapshot(), u.notes)
	if !u.drawn || m.Level != u.shown.Level || u.scheme != u.under {
		p.icon(markOf(m.Level), u.scheme)
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

// markOf returns the icon of a level. An unknown level alarms.
func markOf(l health.Level) assets.Mark {
	switch l {
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

// obey starts the command of a clicked line. Panels may send a click on a line
// that has been disabled meanwhile.
func (u *ui) obey(ctx context.Context, l Line) {
	c := l.Command
	if !l.Enabled || c.Act == Nothing || u.notes[key(c)].busy {
		return
	}
	u.cfg.Log.Debug("tray clicked", "line", l.Text, "account", c.Account)
	if c.Act == Reauthenticate || c.Act == Quit {
		u.notes[key(c)] = note{busy: true} // once more would only wait for the first
	}
	u.running.Go(func() {
		o := outcome{c, u.run(ctx, c)}
		select {
		case u.done <- o:
		case <-ctx.Done():
		}
	})
}

// pageScope is that of the page which the menu opens: all that a user does,
// without the administration of the server. adminScope is that of the other one,
// which administrators are offered.
const (
	pageScope  = "full"
	adminScope = "admin"
)

// run does what a command says; a panic in the functions of Config counts as its failure.
func (u *ui) run(ctx context.Context, c Command) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	switch c.Act {
	case Open:
		url, err := u.cfg.Client.OpenPage(ctx, c.Account, pageScope)
		if err != nil {
			return err
		}
		return u.cfg.Open(url)
	case OpenAsAdmin:
		url, err := u.cfg.Client.OpenPage(ctx, c.Account, adminScope)
		if err != nil {
			return err
		}
		return u.cfg.Open(url)
	case ShowPage:
		url, err := u.cfg.Client.PageLink(ctx, "")
		if err != nil {
			return err
		}
		return u.cfg.Open(url)
	case Copy:
		return u.cfg.Copy(c.URL)
	case Reauthenticate:
		return u.cfg.Client.Reauthenticate(ctx, c.Account)
	case Quit:
		return u.cfg.Client.Quit(ctx)
	}
	return nil
}

func (u *ui) note(o outcome) {
	n := note{at: time.Now()}
	if o.err != nil {
		p := problem.Of(o.err)
		n = note{trouble: withRemedy(o.command, p)}
		u.cfg.Log.Warn("tray command", slog.Any("error", o.err), "account", o.command.Account)
	}
	u.messages.answer(o.command, n.trouble)
	u.notes[key(o.command)] = n
}

// withRemedy adds what the user can run to an error that does not say it. A
// temporary failure has no remedy.
func withRemedy(c Command, p *problem.Problem) *problem.Problem {
	remedy := p.Remedy
	switch {
	case remedy != "":
	case c.Act == Open || c.Act == OpenAsAdmin || c.Act == ShowPage:
		remedy = "open " + c.URL
	case c.Act == Copy:
		remedy = "it is " + c.URL
	case c.Act == Quit:
		remedy = "run `shelfkeeper quit`"
	case p.Code == problem.Rejected || p.Code == problem.NeedsUser:
		remedy = "run `shelfkeeper login`"
	}
	return problem.New(p.Code, p, remedy)
}
