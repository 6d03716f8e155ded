package health

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"shelfkeeper/docs/docstest"
)

var update = flag.Bool("update", false, "write docs/troubleshooting.md anew")

// docs/troubleshooting.md names every condition, as status, page and tray do.
func TestTroubleshootingPage(t *testing.T) {
	var table strings.Builder
	table.WriteString("| level | what it says | what helps | name in `--json` |\n| --- | --- | --- | --- |\n")
	for _, c := range declared {
		remedy := c.Remedy
		if remedy == "" {
			remedy = "nothing to do: this ends by itself; if it lasts, read the evidence that status shows with it"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | `%s` |\n", c.Level, docstest.Cell(c.Text), docstest.Cell(remedy), c.ID)
	}
	docstest.Table(t, "../../docs/troubleshooting.md",
		"<!-- conditions: made from daemon/health, `go test ./daemon/health -run Troubleshooting -update` -->\n",
		"<!-- end of conditions -->\n", table.String(), *update)
}
