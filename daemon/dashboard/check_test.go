package dashboard

import (
	"slices"
	"strings"
	"testing"
)

// A check-up begins with a click, never with a reload, and shows the fault to mend
// first; what was not looked at is left out.
func TestCheckUp(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	w.get("/").has(t, `href="/accounts/home/check"`)
	w.get("/accounts/home/check").has(t, "Check-up: alice at abs.example.org", "Look now")
	if got := d.done(); slices.Contains(got, "examine home") {
		t.Errorf("the question itself looks: %q", got)
	}
	got := w.post("/accounts/home/check")
	got.has(t, "Mend this first", "Answered with 400", "Let it pass", "Good until tomorrow", "Look again")
	if strings.Contains(got.body, "idle-socket") {
		t.Error("it shows what was not looked at")
	}
}
