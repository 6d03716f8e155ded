package dashboard

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// until asks for a page until it says a text.
func (w *world) until(path, says string) answer {
	w.t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		got := w.get(path)
		if strings.Contains(got.body, says) {
			return got
		}
		select {
		case <-tick.C:
		case <-late:
			w.t.Fatalf("%s does not say %q:\n%s", path, says, got.body)
		}
	}
}

// A check-up begins with a click, never with a reload, and shows the fault to mend
// first; what was not looked at is left out.
func TestCheckUp(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	w.get("/").has(t, `href="/accounts/home/check"`)
	w.get("/accounts/home/check").has(t, "Check-up: alice at abs.example.org", "Look now")
	if got := d.done(); len(got) > 0 {
		t.Errorf("the question itself looks: %q", got)
	}
	if got := w.post("/accounts/home/check", "long", "1"); got.header.Get("Location") != "/accounts/home/check" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	got := w.until("/accounts/home/check", "Mend this first")
	got.has(t, "Answered with 400", "Let it pass", "Good until tomorrow", "Look again", `name="long" value="1" checked`,
		"This follows from websocket.", "Backups lie beside the server", "Copy them elsewhere")
	if strings.Contains(got.body, "idle-socket") {
		t.Error("it shows what was not looked at")
	}
	w.get("/record/report") // what was found belongs to it
	if got := d.done(); !slices.Equal(got, []string{"examine home true", "report with 1"}) {
		t.Errorf("acts %q", got)
	}
}

// An address is examined before anybody signs in there; a sign-in that fails offers
// it.
func TestCheckUpOfAnAddress(t *testing.T) {
	d := newDouble()
	w := serve(t, d, nil)
	w.post("/sign-in/look", "server", "abs.nowhere").has(t, `action="/sign-in/check"`, `name="server" value="abs.nowhere"`)
	w.post("/sign-in/check", "server", "").has(t, "Type the address")
	w.post("/sign-in/check", "server", "abs.example.org")
	w.until("/sign-in/check", "Mend this first").has(t, "Check-up: abs.example.org")
	w.post("/sign-in/check", "server", "nowhere")
	w.until("/sign-in/check", "Nowhere is no address").has(t, "Correct it", "Look now")
	if got := d.done(); !slices.Equal(got, []string{"look abs.nowhere", "examine abs.example.org false", "examine nowhere false"}) {
		t.Errorf("acts %q", got)
	}
}
