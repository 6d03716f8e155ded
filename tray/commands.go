package tray

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"shelfkeeper/daemon/problem"
)

// obey starts the command of a clicked line. Panels may send a click on a line
// that has been disabled meanwhile.
func (u *ui) obey(ctx context.Context, l Line) {
	c := l.Command
	if !l.Enabled || c.Act == Nothing || u.notes[key(c)].busy {
		return
	}
	u.cfg.Log.Debug("tray clicked", "line", l.Text, "account", c.Account)
	switch c.Act {
	case Reauthenticate, Restart, Quit, StartAtLogin, StopAtLogin:
		u.notes[key(c)] = note{busy: true} // once more would only wait for the first
	}
	u.running.Go(func() {
		o := outcome{command: c, err: u.run(ctx, c)}
		if c.Act == StartAtLogin || c.Act == StopAtLogin {
			o.login = u.loginMark(ctx)
		}
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
		link, err := u.cfg.Client.OpenPage(ctx, c.Account, pageScope)
		if err != nil {
			return err
		}
		return u.cfg.Open(link)
	case OpenAsApp:
		link, err := u.cfg.Client.OpenPage(ctx, c.Account, pageScope)
		if err != nil {
			return err
		}
		return u.cfg.OpenApp(link)
	case OpenAsAdmin:
		link, err := u.cfg.Client.OpenPage(ctx, c.Account, adminScope)
		if err != nil {
			return err
		}
		return u.cfg.Open(link)
	case Copy:
		return u.cfg.Copy(c.URL)
	case Reauthenticate:
		return u.cfg.Client.Reauthenticate(ctx, c.Account)
	case ShowPage:
		return u.openPage(ctx, c.Account, "")
	case CheckUp:
		return u.openPage(ctx, c.Account, checkPart)
	case ShowPlayers:
		return u.openPage(ctx, c.Account, playersPart)
	case Pause:
		_, err := u.cfg.Client.Pause(ctx, c.Account, time.Time{})
		return err
	case PauseTomorrow:
		_, err := u.cfg.Client.Pause(ctx, c.Account, u.cfg.Tomorrow(time.Now()))
		return err
	case Resume:
		_, err := u.cfg.Client.Resume(ctx, c.Account)
		return err
	case StartAtLogin, StopAtLogin:
		return u.cfg.SetStart(ctx, c.Act == StartAtLogin)
	case Restart:
		return u.cfg.Client.Restart(ctx)
	case Quit:
		return u.cfg.Client.Quit(ctx)
	}
	return nil
}

// playersPart is the part of the status page about players.
const playersPart = "players"

// checkPart is the part about what is wrong on the way to the server.
const checkPart = "check"

// openPage shows a part of the status page, "" for the account itself.
func (u *ui) openPage(ctx context.Context, account, part string) error {
	link, err := u.cfg.Client.PageLink(ctx, account)
	if err != nil {
		return err
	}
	if part != "" {
		at, err := url.Parse(link)
		if err != nil {
			return err
		}
		query := at.Query()
		query.Set("part", part)
		at.RawQuery = query.Encode()
		link = at.String()
	}
	return u.cfg.Open(link)
}

// lookAtLogin finds out whether the daemon starts at login, which may ask
// another program.
func (u *ui) lookAtLogin(ctx context.Context) {
	u.running.Go(func() {
		select {
		case u.done <- outcome{login: u.loginMark(ctx)}:
		case <-ctx.Done():
		}
	})
}

func (u *ui) loginMark(ctx context.Context) Mark {
	on, err := u.cfg.Starts(ctx)
	switch {
	case err != nil:
		u.cfg.Log.Debug("whether the daemon starts at login is not known", "reason", err)
		return Unmarked
	case on:
		return SwitchedOn
	}
	return SwitchedOff
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
	case (c.Act == Open || c.Act == OpenAsAdmin || c.Act == OpenAsApp || c.Act == ShowPage || c.Act == CheckUp) && c.URL != "":
		remedy = "open " + c.URL
	case c.Act == Copy:
		remedy = "it is " + c.URL
	case c.Act == Quit:
		remedy = "run `shelfkeeper quit`"
	case c.Act == ShowPage && c.URL == "", c.Act == ShowPlayers:
		remedy = "run `shelfkeeper page`"
	case c.Act == Pause || c.Act == PauseTomorrow:
		remedy = "run `shelfkeeper pause`"
	case c.Act == Resume:
		remedy = "run `shelfkeeper resume`"
	case c.Act == StartAtLogin || c.Act == StopAtLogin:
		remedy = "see `shelfkeeper autostart status`"
	case p.Code == problem.Rejected || p.Code == problem.NeedsUser:
		remedy = "run `shelfkeeper login`"
	}
	return problem.New(p.Code, p, remedy)
}
