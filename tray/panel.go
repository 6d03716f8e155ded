//go:build !darwin || cgo

package tray

import (
	"reflect"

	"fyne.io/systray"

	"shelfkeeper/assets"
)

const supported = true

// heldClicks is how many clicks on one line are kept while nobody receives.
// systray drops a click for which its channel has no room, and makes the
// channel without any. Room for elements without size takes no memory.
const heldClicks = 1 << 16

// trayPanel is systray. All its lines are made at the beginning and hidden
// until they are used. Nothing but the goroutine of the ui calls it.
type trayPanel struct {
	items   [places]*systray.MenuItem
	shown   [places]Line
	clicked chan int
	face    face
}

// face is the part of the icon that is seen without a click.
type face interface {
	icon(assets.Mark, assets.Scheme)
	tooltip(text string)
}

// systrayFace is systray's own.
type systrayFace struct{}

func (systrayFace) icon(m assets.Mark, s assets.Scheme) { setIcon(m, s) }
func (systrayFace) tooltip(text string)                 { systray.SetTooltip(text) }

// newTrayPanel builds the menu. quit ends the goroutine that hears the clicks.
func newTrayPanel(quit <-chan struct{}) *trayPanel {
	p := &trayPanel{clicked: make(chan int), face: systrayFace{}}
	for i := range p.items {
		if i == statusPlaces || i == places-1 {
			systray.AddSeparator()
		}
		p.items[i] = systray.AddMenuItem("", "")
		p.items[i].ClickedCh = make(chan struct{}, heldClicks)
		p.items[i].Hide()
	}
	go p.hear(quit)
	return p
}

// hear forwards clicks in the order of their channels until quit is closed.
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

func (p *trayPanel) icon(m assets.Mark, s assets.Scheme) { p.face.icon(m, s) }

func (p *trayPanel) tooltip(text string) { p.face.tooltip(text) }

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
	if was.Text == "" {
		item.Show()
	}
}
