//go:build windows || (darwin && cgo) || (systray && !windows && !darwin)

package tray

import (
	"context"
	"reflect"
	"time"

	"fyne.io/systray"

	"shelfkeeper/assets"
)

// show runs the desktop's event loop, on the calling goroutine since both
// desktops bind it to a thread, until the ui ends or the desktop does.
func show(ctx context.Context, u *ui) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if awaitPlace(ctx, u) != nil {
		return nil
	}
	untell := tellBy(ctx, u)
	ended := make(chan struct{})
	// On Linux systray gives no panel the menu before ready has returned.
	ready := func() {
		p := newTrayPanel(ctx.Done())
		u.draw(p)
		go func() {
			defer close(ended)
			u.loop(ctx, p)
			systray.Quit()
		}()
	}
	systray.Run(ready, nil)
	cancel()
	untell()
	select {
	case <-ended:
	case <-time.After(2 * endTimeout): // ready was never called, or a command hangs
	}
	return nil
}

// heldClicks is how many clicks on one line are kept while nobody receives.
// systray drops a click for which its channel has no room, and makes the
// channel without any. Room for elements without size takes no memory.
const heldClicks = 1 << 16

// trayPanel is systray. All its lines are made at the beginning and hidden
// until they are used: systray closes the channel of a line that it removes
// while a click may still be sent to it, which panics. Nothing but the
// goroutine of the ui calls it.
type trayPanel struct {
	items   [places]*systray.MenuItem
	shown   [places]Line
	clicked chan int
}

// newTrayPanel builds the menu. quit ends the goroutine that hears the clicks.
func newTrayPanel(quit <-chan struct{}) *trayPanel {
	p := &trayPanel{clicked: make(chan int)}
	for i := range p.items {
		if i == statusPlaces || i == generalPlace {
			systray.AddSeparator()
		}
		p.items[i] = systray.AddMenuItem("", "")
		p.items[i].ClickedCh = make(chan struct{}, heldClicks)
		p.items[i].Hide()
	}
	go p.hear(quit)
	return p
}

// hear forwards clicks until quit is closed.
func (p *trayPanel) hear(quit <-chan struct{}) {
	cases := make([]reflect.SelectCase, 0, places+1)
	for _, item := range p.items {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(item.ClickedCh)})
	}
	cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(quit)})
	for {
		place, _, _ := reflect.Select(cases)
		if place == places {
			return
		}
		select {
		case p.clicked <- place:
		case <-quit:
			return
		}
	}
}

func (p *trayPanel) clicks() <-chan int { return p.clicked }

func (p *trayPanel) icon(m assets.Mark, s assets.Scheme) { setIcon(m, s) }

func (p *trayPanel) tooltip(text string) { systray.SetTooltip(text) }

func (p *trayPanel) line(place int, l Line) {
	item, was := p.items[place], p.shown[place]
	p.shown[place] = l
	if l.Text == "" {
		item.Hide()
		return
	}
	if l.Text != was.Text {
		item.SetTitle(label(l.Text))
	}
	if l.Enabled == item.Disabled() {
		if l.Enabled {
			item.Enable()
		} else {
			item.Disable()
		}
	}
	switch {
	case l.Mark == was.Mark:
	case l.Mark == SwitchedOn:
		item.Check()
	default:
		item.Uncheck()
	}
	if was.Text == "" {
		item.Show()
	}
}
