package refusal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every answer of our own has a name that no other one has, a cause and a remedy in
// words, and a status that says that it is no success.
func TestEveryRefusalIsWhole(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "table.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`^[a-z0-9.-]+$`)
	names := map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if kind, named := typeName(lit, ok); !named || kind != "Refusal" {
			return true
		}
		given := map[string]string{}
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				t.Fatalf("a refusal without names of its fields")
			}
			value := "given"
			if text, ok := kv.Value.(*ast.BasicLit); ok {
				if value, err = strconv.Unquote(text.Value); err != nil {
					t.Fatal(err)
				}
			}
			given[kv.Key.(*ast.Ident).Name] = value
		}
		name := given["Name"]
		if !plain.MatchString(name) || names[name] {
			t.Errorf("the name %q is not plain, or stands twice", name)
		}
		names[name] = true
		for _, field := range []string{"Status", "Cause", "Remedy"} {
			if given[field] == "" || strings.HasSuffix(given[field], ".") {
				t.Errorf("%s: %s is %q", name, field, given[field])
			}
		}
		return true
	})
	if len(names) < 20 {
		t.Errorf("only %d refusals were found", len(names))
	}
	for _, r := range []*Refusal{Paused, Temporary, NoToken} {
		if r.Status != http.StatusServiceUnavailable || r.Retry == 0 {
			t.Errorf("%s: status %d, retry %v: a player has to know that it passes", r.Name, r.Status, r.Retry)
		}
	}
}

// typeName returns the name of a literal's type.
func typeName(lit *ast.CompositeLit, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	id, named := lit.Type.(*ast.Ident)
	if !named {
		return "", false
	}
	return id.Name, true
}
