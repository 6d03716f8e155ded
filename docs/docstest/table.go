// Package docstest compares the tables of the documentation with what they are made
// from. Only tests import it.
package docstest

import (
	"os"
	"strings"
	"testing"
)

// Table fails when a page does not hold the table between two lines, begin and end. With
// update it writes the table there instead.
func Table(t *testing.T, page, begin, end, table string, update bool) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table: a line %q and a line %q", page, begin, end)
	}
	want := before + begin + table + end + after
	switch {
	case string(text) == want:
	case !update:
		t.Errorf("%s is not what the code says: run this test with -update", page)
	default:
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Cell is a text as a cell of a table.
func Cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
