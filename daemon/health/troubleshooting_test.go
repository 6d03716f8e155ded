package health

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/troubleshooting.md anew")

const (
	troubleshooting = "../../docs/troubleshooting.md"
	tableBegins     = "<!-- conditions: made from daemon/health, `go test ./daemon/health -run Troubleshooting -update` -->\n"
	tableEnds       = "<!-- end of conditions -->\n"
)

// docs/troubleshooting.md names every condition, as status, page and tray do.
func TestTroubleshootingPage(t *testing.T) {
	there, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(there), tableBegins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the conditions", troubleshooting)
	}
	var table strings.Builder
	table.WriteString("| level | what it says | what helps | name in `--json` |\n| --- | --- | --- | --- |\n")
	for _, c := range declared {
		remedy := c.Remedy
		if remedy == "" {
			remedy = "nothing to do: this ends by itself; if it lasts, read the evidence that status shows with it"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | `%s` |\n", c.Level, cell(c.Text), cell(remedy), c.ID)
	}
	want := before + tableBegins + table.String() + tableEnds + after
	if *update {
		if err := os.WriteFile(troubleshooting, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(there) != want {
		t.Errorf("%s is not what the conditions say: run this test with -update", troubleshooting)
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
