package proxy

import (
	"fmt"
	"strings"
	"testing"

	"shelfkeeper/docs/docstest"
)

// docs/troubleshooting.md names every answer of our own, as players get it.
func TestTroubleshootingPage(t *testing.T) {
	var table strings.Builder
	table.WriteString("| status | what it says | what helps | name |\n| ---: | --- | --- | --- |\n")
	for _, no := range allRefusals {
		fmt.Fprintf(&table, "| %d | %s | %s | `%s` |\n", no.Status, docstest.Cell(no.Cause), docstest.Cell(no.Remedy), no.Name)
	}
	docstest.Table(t, "../../docs/troubleshooting.md",
		"<!-- refusals: made from daemon/proxy/refusal, `go test ./daemon/proxy -run Troubleshooting -update` -->\n",
		"<!-- end of refusals -->\n", table.String(), *update)
}
