package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	refusalsBegin = "<!-- refusals: made from daemon/proxy/refusal, `go test ./daemon/proxy -run Troubleshooting -update` -->\n"
	refusalsEnd   = "<!-- end of refusals -->\n"
)

// docs/troubleshooting.md names every answer of our own, as players get it.
func TestTroubleshootingPage(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "troubleshooting.md")
	there, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(there), refusalsBegin)
	_, after, ok2 := strings.Cut(rest, refusalsEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the refusals", path)
	}
	var table strings.Builder
	table.WriteString("| status | what it says | what helps | name |\n| ---: | --- | --- | --- |\n")
	for _, no := range allRefusals {
		cell := strings.NewReplacer("|", `\|`).Replace
		fmt.Fprintf(&table, "| %d | %s | %s | `%s` |\n", no.Status, cell(no.Cause), cell(no.Remedy), no.Name)
	}
	want := before + refusalsBegin + table.String() + refusalsEnd + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(there) != want {
		t.Errorf("%s is not what players are told: run this test with -update", path)
	}
}
