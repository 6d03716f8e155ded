package livesocket_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/livesocket"
	"shelfkeeper/daemon/proxy/proxytest"
)

// lockedLog is a log that may be read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// What a player missed of its own user is made up for, once, and the rest is
// named as lost.
func TestSocketMakesUpForAGap(t *testing.T) {
	log := &lockedLog{}
	w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) { cfg.Log = slog.New(slog.NewTextHandler(log, nil)) })
	p := w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
	p.Send(`42["auth",""]`)
	p.Expect("init")
	w.Wait("the user is read", func(l *absfake.Ledger) bool {
		return l.Count(func(e absfake.Entry) bool { return strings.HasPrefix(e.Path, "/api/me") }) >= 2
	})
	item := w.Fake.Library().Tracks().ID
	move := func(to string) {
		t.Helper()
		a := w.Send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":`+to+`}`), "Content-Type", "application/json")
		if a.StatusCode != 200 {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
	}
	move("5")
	p.Expect("user_updated")
	remove := w.Fake.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})
	w.Fake.DropSockets(absfake.EndCut)
	w.Wait("it is gone", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 })
	move("77")
	remove()
	w.Server.NetworkChanged("test")
	if f := p.Expect("user_updated"); !strings.Contains(f, `"currentTime":77`) || !strings.Contains(f, `"token":"`+proxytest.Grant+`"`) {
		t.Errorf("%s", f)
	}
	f := p.Expect("user_item_progress_updated")
	var told []json.RawMessage
	var moved struct {
		ID        string
		SessionID *string
		Data      struct {
			CurrentTime   float64
			LibraryItemID string
		}
	}
	if json.Unmarshal([]byte(f[2:]), &told) != nil || json.Unmarshal(told[1], &moved) != nil ||
		moved.Data.CurrentTime != 77 || moved.Data.LibraryItemID != item || moved.ID == "" || moved.SessionID == nil {
		t.Errorf("%s", f)
	}
	if strings.Count(p.All.String(), `42["init"`) != 1 {
		t.Errorf("a second init: %s", p.All.String())
	}
	// A gap in which nothing happened is not told. What is said to a connection that is
	// about to be found dead is lost, so there is none when the player goes on.
	reads := func(l *absfake.Ledger) int { return l.Count(func(e absfake.Entry) bool { return e.Path == "/api/me" }) }
	remove = w.Fake.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})
	w.Fake.DropSockets(absfake.EndCut)
	w.Wait("it is gone again", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 })
	known := reads(w.Fake.Ledger())
	remove()
	w.Server.NetworkChanged("test")
	w.Wait("the user is read again", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) > 0 && reads(l) > known })
	before := strings.Count(p.All.String(), `42["user_updated"`)
	p.Send(`42["ping"]`)
	p.Expect("pong")
	if n := strings.Count(p.All.String(), `42["user_updated"`); n != before {
		t.Errorf("after a gap of nothing: %s", p.All.String())
	}
	if text := log.String(); !strings.Contains(text, "other events are lost") || strings.Contains(text, w.Session.Now.Reveal()) {
		t.Errorf("the log: %s", text)
	}
	p.Clean(w.Session.All())
}

// lossLog is a log that tells when the socket at the server is lost.
type lossLog chan struct{}

func (l lossLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("live socket is down")) {
		select {
		case l <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}

// What a player says while the server is away is sent with the next
// connection, in order, up to a bound; what is beyond it is refused and counted.
func TestSocketKeepsWhatIsSaid(t *testing.T) {
	down := make(lossLog, 1)
	w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) { cfg.Log = slog.New(slog.NewTextHandler(down, nil)) })
	p := w.Open("/socket.io/?" + proxytest.SocketQuery)
	p.Send(`42["auth",""]`)
	p.Expect("init")
	remove := w.Fake.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})
	w.Fake.DropSockets(absfake.EndCut)
	<-down
	for range livesocket.UnsentMost {
		p.Send(`42["ping"]`)
	}
	p.Send(`4217["ping"]`)
	if f := p.Next(); f != `4317[{"error":"the server cannot be reached"}]` {
		t.Errorf("%s", f)
	}
	if n := w.Server.Stats().Unsent; n != 1 {
		t.Errorf("%d refused", n)
	}
	remove()
	w.Server.NetworkChanged("test")
	for range livesocket.UnsentMost {
		p.Expect("pong")
	}
}

// An account with an API key has no socket at the server: init is answered
// here, and what players write is told to all of them.
func TestSocketOfAPIKey(t *testing.T) {
	tokens := &proxytest.Tokens{}
	w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) { cfg.Tokens = tokens })
	tokens.List = []string{w.APIKey()}
	first, second := w.Open("/socket.io/?"+proxytest.SocketQuery), w.Open("/socket.io/?"+proxytest.SocketQuery+"&token="+proxytest.Grant)
	for _, p := range []*proxytest.Player{first, second} {
		p.Send(`42["auth",""]`)
		if f := p.Expect("init"); !strings.Contains(f, `"username":"demo"`) || !strings.Contains(f, `"userId":"`) {
			t.Errorf("%s", f)
		}
		p.Send(`42["ping"]`)
		p.Expect("pong")
	}
	item := w.Fake.Library().Tracks().ID
	for _, to := range []string{"5", "9"} {
		w.Send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":`+to+`}`), "Content-Type", "application/json")
		for _, p := range []*proxytest.Player{first, second} {
			if f := p.Expect("user_updated"); !strings.Contains(f, `"currentTime":`+to) {
				t.Errorf("%s", f)
			}
			p.Expect("user_item_progress_updated")
		}
	}
	first.Send(`42["auth",""]`)
	first.Expect("init")
	if n := w.Fake.Ledger().SocketsOpened(); n != 0 {
		t.Errorf("%d sockets at the server", n)
	}
	first.Clean(w.Session.All())
	second.Clean(w.Session.All())
}
