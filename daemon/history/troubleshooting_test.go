package history

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// docs/troubleshooting.md has a row for every cause of a loss.
func TestTroubleshootingPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "diagnosis.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	causes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Cause" {
			return true
		}
		for _, v := range spec.Values {
			causes++
			name := strings.Trim(v.(*ast.BasicLit).Value, `"`)
			if !strings.Contains(string(page), "\n| `"+name+"` | ") {
				t.Errorf("docs/troubleshooting.md has no row for %s", name)
			}
		}
		return true
	})
	if causes < 10 {
		t.Errorf("only %d causes were found", causes)
	}
}
