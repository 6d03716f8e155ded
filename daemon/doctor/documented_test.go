package doctor

import (
	"os"
	"strings"
	"testing"
)

// docs/doctor.md names every check, and what is told to the admin.
func TestEveryCheckIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if !strings.Contains(string(page), "\n| `"+c.id+"` | ") {
			t.Errorf("docs/doctor.md has no row for %s", c.id)
		}
	}
	seen := map[string]bool{}
	for _, a := range unseen {
		if a.ID == "" || a.Cause == "" || a.Remedy == "" || seen[a.ID] {
			t.Errorf("%+v", a)
		}
		seen[a.ID] = true
	}
}
