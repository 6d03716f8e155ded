//go:build !darwin && !windows

package notify

import "github.com/godbus/dbus/v5"

func (n *Notifier) signalled(s *dbus.Signal) {
	switch s.Name {
	case "org.freedesktop.DBus.NameOwnerChanged":
		if len(s.Body) == 3 && s.Body[0] == service && s.Sender == "org.freedesktop.DBus" {
			owner, _ := s.Body[2].(string)
			n.newOwner(owner)
		}
	case service + ".ActionInvoked", service + ".NotificationClosed":
		if s.Sender != n.owner || len(s.Body) != 2 {
			return
		}
		id, ok := s.Body[0].(uint32)
		if !ok {
			return
		}
		e := event{id, s.Name == service+".ActionInvoked"}
		if !n.happened(e) && len(n.calls) > 0 && len(n.early) < heldSignals {
			n.early = append(n.early, e)
		}
	}
}

// happened does what a signal says, and reports whether it was about a notice
// of ours.
func (n *Notifier) happened(e event) bool {
	for key, s := range n.notices {
		if s.id != e.id {
			continue
		}
		if e.action {
			select {
			case n.clicked <- key:
			default: // nobody took the ones before
			}
			return true
		}
		s.id, s.done = 0, true
		return true
	}
	return false
}

// newOwner is for a service that ended or began. What a dead one still showed,
// the next one gets, once: a notice must not bring down service after service.
func (n *Notifier) newOwner(owner string) {
	if owner == n.owner {
		return
	}
	before := n.owner
	n.owner = owner
	if before == "" && n.asking {
		return // our own question has started it
	}
	n.abilities, n.asking, n.early, n.absent = nil, false, nil, false
	clear(n.calls)
	for key, s := range n.notices {
		if s.over {
			delete(n.notices, key)
			continue
		}
		if s.id != 0 || s.sent {
			s.done = s.restored
			s.restored = true
		}
		s.id, s.sent = 0, false
	}
}
