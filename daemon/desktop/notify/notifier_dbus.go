//go:build !darwin && !windows

package notify

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	service = "org.freedesktop.Notifications"
	path    = "/org/freedesktop/Notifications"

	// heldCalls is room for the answers of more calls than there are notices, so
	// that godbus never waits for us.
	heldCalls = 256
	// heldSignals is how many signals about a notice are kept whose number is
	// not known yet.
	heldSignals = 16
	// endPatience is for the answers of calls that are on their way at the end.
	endPatience = 500 * time.Millisecond
)

// Notifier shows notices on one connection. Make it with New and Run it.
type Notifier struct {
	conn    *dbus.Conn
	icon    image.Image
	log     *slog.Logger
	wish    *wish
	clicked chan string

	// What follows belongs to Run's goroutine.
	answers   chan *dbus.Call
	calls     map[*dbus.Call]string // the notice that a call shows; "" asks for the capabilities
	owner     string                // the service's, "" for none
	abilities []string              // nil: not known
	asking    bool                  // for the abilities
	absent    bool                  // there is no service, and none was started
	notices   map[string]*shown
	early     []event
	past      int // notices that were over before their number was known
}

// shown is what became of a notice.
type shown struct {
	Notice
	id       uint32 // 0: not on the screen as far as we know
	sent     bool   // a call is on its way
	done     bool   // it was seen, or never will be
	over     bool   // it does not hold any more
	restored bool   // a service that restarted has got it once more
}

// event is a signal about a notice.
type event struct {
	id     uint32
	action bool // clicked, otherwise closed
}

// New returns a Notifier. icon, which may be nil, is shown with each notice.
func New(conn *dbus.Conn, icon image.Image, log *slog.Logger) *Notifier {
	return &Notifier{
		conn: conn, icon: icon, log: log, wish: newWish(), clicked: make(chan string, shownAtMost),
		answers: make(chan *dbus.Call, heldCalls), calls: map[*dbus.Call]string{}, notices: map[string]*shown{},
	}
}

// Show says which notices hold now. It returns at once.
func (n *Notifier) Show(notices []Notice) { n.wish.set(notices) }

// Clicked tells the keys of notices that were clicked.
func (n *Notifier) Clicked() <-chan string { return n.clicked }

// Run shows until ctx ends or the bus does, and then takes its notices away.
func (n *Notifier) Run(ctx context.Context) {
	signals := make(chan *dbus.Signal, heldSignals)
	n.conn.Signal(signals)
	defer n.conn.RemoveSignal(signals)
	// Errors of these are the bus's end, which the connection's context tells.
	_ = n.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service))
	_ = n.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(service), dbus.WithMatchInterface(service))
	_ = n.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, service).Store(&n.owner) // none is in order
	for {
		select {
		case <-ctx.Done():
			n.end()
			return
		case <-n.conn.Context().Done():
			return
		case <-n.wish.changed:
			n.compare()
		case call := <-n.answers:
			n.answered(call)
		case s, open := <-signals:
			if !open {
				return
			}
			n.signalled(s)
		}
		n.send()
	}
}

// compare takes over what holds now.
func (n *Notifier) compare() {
	now, over := n.wish.take()
	for key, s := range n.notices {
		if slices.Contains(over, key) || !slices.ContainsFunc(now, func(w Notice) bool { return w.Key == key }) {
			n.finish(key, s)
		}
	}
	for _, w := range now {
		if n.notices[w.Key] == nil && len(n.notices) < shownAtMost {
			n.notices[w.Key] = &shown{Notice: w}
			n.absent = false // a service may have come that the bus can start
		}
	}
}

// finish takes a notice away that is over. One that is still on its way is
// taken away as soon as its number is known.
func (n *Notifier) finish(key string, s *shown) {
	s.over = true
	if s.id != 0 {
		n.closeNotice(s.id)
	}
	delete(n.notices, key)
	if !s.sent {
		return
	}
	n.past++
	name := fmt.Sprintf("%s\x00%d", key, n.past) // the key may begin to hold again
	n.notices[name] = s
	for call, of := range n.calls {
		if of == key {
			n.calls[call] = name
		}
	}
}

func (n *Notifier) closeNotice(id uint32) {
	n.conn.Object(service, path).Go(service+".CloseNotification", dbus.FlagNoAutoStart|dbus.FlagNoReplyExpected, nil, id)
}

// send shows what waits for it.
func (n *Notifier) send() {
	for key, s := range n.notices {
		if s.sent || s.done || s.over || s.id != 0 || n.absent {
			continue
		}
		if n.abilities == nil {
			if !n.asking {
				n.asking = true
				n.call("", "GetCapabilities")
			}
			return
		}
		s.sent = true
		n.call(key, "Notify", n.arguments(s.Notice)...)
	}
}

// call does not wait, and has no deadline: a service that hangs shows the
// notice when it goes on, and its answer tells the number by which the notice
// is taken away.
func (n *Notifier) call(key, method string, args ...any) {
	c := n.conn.Object(service, path).Go(service+"."+method, 0, n.answers, args...)
	n.calls[c] = key
}

// answered takes the answer of a call.
func (n *Notifier) answered(call *dbus.Call) {
	key, ours := n.calls[call]
	if !ours {
		return // of a service that is gone
	}
	delete(n.calls, call)
	if key == "" {
		n.asking = false
		var abilities []string
		if err := call.Store(&abilities); err != nil {
			n.missing(err)
			return
		}
		n.abilities = append([]string{}, abilities...)
		return
	}
	s := n.notices[key]
	if s == nil {
		return
	}
	s.sent = false
	var id uint32
	if err := call.Store(&id); err != nil {
		if s.done = true; died(err) {
			s.done, s.restored = s.restored, true
		}
		n.log.Warn("the desktop does not take a notification", "reason", err, "title", s.Title)
		if s.over {
			delete(n.notices, key)
		}
		return
	}
	if s.over {
		n.closeNotice(id)
		delete(n.notices, key)
		return
	}
	s.id = id
	for _, e := range n.early {
		n.happened(e)
	}
	n.early = nil
}

// died reports whether an error says that the service ended with the call.
func died(err error) bool {
	var e dbus.Error
	return errors.As(err, &e) && (e.Name == "org.freedesktop.DBus.Error.NoReply" || e.Name == "org.freedesktop.DBus.Error.Disconnected")
}

// missing remembers that there is no service; the next owner of its name ends
// that.
func (n *Notifier) missing(err error) {
	if !n.absent {
		n.log.Info("this desktop shows no notifications now", "reason", err)
	}
	n.absent = true
}

// end takes away what is on the screen, and what comes there within endPatience.
func (n *Notifier) end() {
	for key, s := range n.notices {
		n.finish(key, s)
	}
	late := time.NewTimer(endPatience)
	defer late.Stop()
	for len(n.calls) > 0 {
		select {
		case call := <-n.answers:
			n.answered(call)
		case <-n.conn.Context().Done():
			return
		case <-late.C:
			return
		}
	}
}
