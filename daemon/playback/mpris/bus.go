//go:build !darwin && !windows

package mpris

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	prefix = "org.mpris.MediaPlayer2."
	path   = "/org/mpris/MediaPlayer2"
	iface  = "org.mpris.MediaPlayer2.Player"

	// answerWait bounds one call: a player that hangs must not hold the others.
	answerWait = 3 * time.Second
	// heldSignals are kept until somebody looks; a signal says no more than "look".
	heldSignals = 64
	// maxPlayers bounds the players that are asked what they play.
	maxPlayers = 32
)

// Bus is a connection to the session bus.
type Bus struct {
	conn      *dbus.Conn
	listening sync.WaitGroup
}

// Connect connects to the session bus. It never starts one.
func Connect(ctx context.Context) (*Bus, error) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" || strings.HasPrefix(address, "autolaunch:") {
		dir := os.Getenv("XDG_RUNTIME_DIR")
		if dir == "" {
			return nil, errors.New("there is no session bus")
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(filepath.Join(dir, "bus"))
	}
	conn, err := dbus.Dial(address, dbus.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, fmt.Errorf("connect to the session bus: %w", err)
	}
	// godbus signs in without a deadline.
	late := time.AfterFunc(answerWait, func() { _ = conn.Close() })
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if !late.Stop() && err == nil {
		err = errors.New("it does not answer")
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("sign in to the session bus: %w", err)
	}
	return &Bus{conn: conn}, nil
}

// Close ends the connection, and with it all that listens.
func (b *Bus) Close() error {
	err := b.conn.Close()
	b.listening.Wait()
	return err
}

// Find returns a player that plays what ours says is ours: one of the process's family, as
// far as the system tells which processes that are, or else another that is heard. Where
// none does, it returns one of the family. pid 0 has no family: then a player will do that
// is silent. One that was started is not mistaken for one that the user has paused before.
func (b *Bus) Find(ctx context.Context, pid int, ours func(url string) bool) (*Player, bool) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	var names []string
	if b.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ListNames", 0).Store(&names) != nil {
		return nil, false
	}
	var found *Player
	best, n := 0, 0
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if n++; n > maxPlayers {
			break
		}
		p := &Player{bus: b, owner: b.owner(ctx, name)}
		if p.owner == "" {
			continue
		}
		s, err := p.State(ctx)
		plays := err == nil && ours(s.URL)
		if r := rank(plays, s.Playing, pid == 0, pid != 0 && inFamily(b.pid(ctx, p.owner), pid)); r > best {
			found, best = p, r
		}
	}
	return found, found != nil
}

// rank is how well a player fits; 0 for not at all.
func rank(plays, heard, anyones, family bool) int {
	switch {
	case plays && heard && (family || anyones):
		return 5
	case plays && family:
		return 4
	case plays && heard:
		return 3
	case plays && anyones:
		return 2
	case family:
		return 1
	}
	return 0
}

// owner is the connection that has a name; "" for none.
func (b *Bus) owner(ctx context.Context, name string) (owner string) {
	if b.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, name).Store(&owner) != nil {
		return ""
	}
	return owner
}

// pid is the process of a connection; 0 where the bus does not tell.
func (b *Bus) pid(ctx context.Context, owner string) int {
	var pid uint32
	if b.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, owner).Store(&pid) != nil {
		return 0
	}
	return int(pid)
}
