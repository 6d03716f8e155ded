package history

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"shelfkeeper/docs/docstest"
)

var update = flag.Bool("update", false, "write docs/troubleshooting.md anew")

// docs/troubleshooting.md names every cause of a loss, as `shelfkeeper history` does.
func TestTroubleshootingPage(t *testing.T) {
	var table strings.Builder
	table.WriteString("| cause in `--json` | what happened | what helps |\n| --- | --- | --- |\n")
	for _, m := range meanings {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", m.cause, m.what, m.remedy)
	}
	docstest.Table(t, "../../docs/troubleshooting.md",
		"<!-- causes: made from daemon/history, `go test ./daemon/history -run Troubleshooting -update` -->\n",
		"<!-- end of causes -->\n", table.String(), *update)
}

// Every cause has one meaning.
func TestEveryCauseHasAMeaning(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "cause.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[Cause]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Cause" {
			return true
		}
		for _, v := range spec.Values {
			declared[Cause(strings.Trim(v.(*ast.BasicLit).Value, `"`))] = true
		}
		return true
	})
	if len(declared) < 10 {
		t.Errorf("only %d causes were found", len(declared))
	}
	for _, m := range meanings {
		if !declared[m.cause] || m.what == "" || m.remedy == "" {
			t.Errorf("%+v: not declared, told twice, or without words", m)
		}
		delete(declared, m.cause)
	}
	for c := range declared {
		t.Errorf("%s has no meaning", c)
	}
}
