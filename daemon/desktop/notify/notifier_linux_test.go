package notify

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"

	"shelfkeeper/assets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startBus starts a session bus of the test's own.
func startBus(t *testing.T) (address string) {
	t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("install dbus:", err)
		}
		t.Skip("install dbus:", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func connect(t *testing.T, address string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// desktop is a notification service of ours.
type desktop struct {
	conn      *dbus.Conn
	abilities []string
	hang      chan struct{} // Notify waits for it where it is not nil

	mu     sync.Mutex
	next   uint32
	shown  map[uint32][]string // title, body, actions
	all    int                 // calls of Notify
	change chan struct{}
}

func newDesktop(t *testing.T, address string, abilities ...string) *desktop {
	t.Helper()
	d := &desktop{conn: connect(t, address), abilities: abilities, shown: map[uint32][]string{}, change: make(chan struct{})}
	return d
}

// begin takes the name; ids begin at a number of its own.
func (d *desktop) begin(t *testing.T, first uint32) {
	t.Helper()
	d.next = first
	if err := d.conn.Export(d, path, service); err != nil {
		t.Fatal(err)
	}
	if _, err := d.conn.RequestName(service, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

func (d *desktop) GetCapabilities() ([]string, *dbus.Error) { return d.abilities, nil }

func (d *desktop) Notify(
	_ string, _ uint32, _, title, body string, actions []string, hints map[string]dbus.Variant, _ int32,
) (uint32, *dbus.Error) {
	if d.hang != nil {
		<-d.hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.all++
	d.shown[d.next] = append([]string{title, body, fmt.Sprint(len(hints["image-data"].Value().([]any)[6].([]byte)))}, actions...)
	d.changedLocked()
	return d.next, nil
}

func (d *desktop) CloseNotification(id uint32) *dbus.Error {
	d.close(id, 3)
	return nil
}

func (d *desktop) close(id, reason uint32) {
	d.mu.Lock()
	delete(d.shown, id)
	d.changedLocked()
	d.mu.Unlock()
	_ = d.conn.Emit(path, service+".NotificationClosed", id, reason)
}

func (d *desktop) changedLocked() {
	close(d.change)
	d.change = make(chan struct{})
}

// until waits for what is on the screen.
func (d *desktop) until(t *testing.T, what string, is func(all int, shown map[uint32][]string) bool) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		d.mu.Lock()
		ok, change, state := is(d.all, d.shown), d.change, fmt.Sprint(d.all, d.shown)
		d.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-late:
			t.Fatalf("it does not come that %s: %s", what, state)
		}
	}
}

// id returns the one notice on the screen.
func (d *desktop) id(t *testing.T) uint32 {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.shown {
		return id
	}
	t.Fatal("nothing is shown")
	return 0
}

func run(t *testing.T, address string) (n *Notifier, end func()) {
	t.Helper()
	n = New(connect(t, address), assets.Icon(assets.NeedsUser, assets.AnyPanel, 48), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Run(ctx)
	}()
	end = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("Run does not end")
		}
	}
	t.Cleanup(end)
	return n, end
}

var lost = Notice{Key: "root/session-lost", Title: "Shelfkeeper needs you", Body: "a <b> & c", Label: "Re-authenticate"}

func one(all int, shown map[uint32][]string) bool   { return all == 1 && len(shown) == 1 }
func none(_ int, shown map[uint32][]string) bool    { return len(shown) == 0 }
func twice(all int, shown map[uint32][]string) bool { return all == 2 && len(shown) == 1 }

func TestShownOnceAndCleared(t *testing.T) {
	address := startBus(t)
	d := newDesktop(t, address, "body", "body-markup", "actions")
	d.begin(t, 10)
	n, end := run(t, address)
	for range 5 {
		n.Show([]Notice{lost})
	}
	d.until(t, "it is shown", one)
	d.mu.Lock()
	want := "[Shelfkeeper needs you a &lt;b&gt; &amp; c 9216 default Re-authenticate mend Re-authenticate]"
	if got := fmt.Sprint(d.shown[11]); got != want {
		t.Errorf("shown %s, want %s", got, want)
	}
	d.mu.Unlock()

	d.close(d.id(t), 2) // by the user: it is not shown again
	n.Show([]Notice{lost, {Key: "other", Title: "Other"}})
	d.until(t, "the other one is shown, and it alone", twice)
	n.Show(nil)
	d.until(t, "it is cleared", none)
	n.Show([]Notice{lost})
	d.until(t, "a new episode is shown", func(all int, shown map[uint32][]string) bool { return all == 3 && len(shown) == 1 })
	end()
	d.until(t, "the end takes it away", none)
}

func TestClickIsTold(t *testing.T) {
	address := startBus(t)
	d := newDesktop(t, address, "actions")
	d.begin(t, 0)
	n, _ := run(t, address)
	n.Show([]Notice{lost})
	d.until(t, "it is shown", one)
	id := d.id(t)
	for _, e := range []struct {
		id     uint32
		action string
	}{{id + 7, "default"}, {id, "mend"}} { // somebody else's, then ours
		if err := d.conn.Emit(path, service+".ActionInvoked", e.id, e.action); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case key := <-n.Clicked():
		if key != lost.Key {
			t.Errorf("clicked %q", key)
		}
	case <-time.After(time.Minute):
		t.Fatal("the click is not told")
	}
}

func TestWithoutActionsNoButton(t *testing.T) {
	address := startBus(t)
	d := newDesktop(t, address, "body")
	d.begin(t, 0)
	n, _ := run(t, address)
	n.Show([]Notice{lost})
	d.until(t, "it is shown", one)
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := d.shown[1]; len(got) != 3 || got[1] != lost.Body {
		t.Errorf("shown %q", got)
	}
}

// While the service hangs the caller goes on; what is over when it wakes up is
// taken away.
func TestServiceThatHangs(t *testing.T) {
	address := startBus(t)
	d := newDesktop(t, address)
	d.hang = make(chan struct{})
	d.begin(t, 0)
	n, _ := run(t, address)
	n.Show([]Notice{lost})
	n.Show(nil)
	n.Show([]Notice{lost})
	n.Show(nil)
	close(d.hang)
	n.Show([]Notice{{Key: "mark", Title: "mark"}})
	d.until(t, "only what holds stays", func(_ int, shown map[uint32][]string) bool {
		if len(shown) != 1 {
			return false
		}
		for _, s := range shown {
			return s[0] == "mark"
		}
		return false
	})
}

func TestEndWhileTheServiceHangs(t *testing.T) {
	address := startBus(t)
	d := newDesktop(t, address)
	d.hang = make(chan struct{})
	defer close(d.hang)
	d.begin(t, 0)
	n, end := run(t, address)
	n.Show([]Notice{lost})
	end()
}

func TestServiceThatRestarts(t *testing.T) {
	address := startBus(t)
	first := newDesktop(t, address)
	first.begin(t, 0)
	n, _ := run(t, address)
	n.Show([]Notice{lost})
	first.until(t, "it is shown", one)
	_ = first.conn.Close()

	second := newDesktop(t, address)
	second.begin(t, 100)
	second.until(t, "the next service shows what the user has not seen", one)
	_ = second.conn.Close()

	third := newDesktop(t, address)
	third.begin(t, 200)
	n.Show([]Notice{lost, {Key: "mark", Title: "mark"}})
	third.until(t, "only the new one is shown", func(all int, shown map[uint32][]string) bool {
		return all == 1 && len(shown) == 1 && shown[201][0] == "mark"
	})
	n.Show(nil)
	third.until(t, "it is cleared", none)
}

func TestServiceThatComesLate(t *testing.T) {
	address := startBus(t)
	n, _ := run(t, address)
	n.Show([]Notice{lost, {Key: "over", Title: "over"}})
	n.Show([]Notice{lost})
	d := newDesktop(t, address)
	d.begin(t, 0)
	d.until(t, "it is shown", one)
}

func TestBusThatEnds(t *testing.T) {
	address := startBus(t)
	n := New(connect(t, address), nil, slog.New(slog.DiscardHandler))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Run(t.Context())
	}()
	n.Show([]Notice{lost})
	_ = n.conn.Close()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("Run outlives its bus")
	}
}
