package machine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure is what this package may use of others: types, constants and functions
// without input, output, clock or chance.
var pure = map[string][]string{
	"errors": {"New", "Is", "As", "Join"},
	"fmt":    {"Sprintf", "Errorf"},
	"time":   {"Time", "Duration", "Second", "Minute", "Hour", "Millisecond", "Unix"},
	"shelfkeeper/daemon/absapi": {
		"Answer", "Error", "Meta", "Token", "TokenPair", "ParseToken", "CollisionGap",
		"Grace", "CollidesInSecond", "SupportsSessions",
		"Temporary", "RateLimited", "RefreshInvalid", "RefreshExpired", "UserInactive", "HeaderEaten",
		"PasswordRejected", "TokenRejected", "BadRequest",
	},
	"shelfkeeper/daemon/history": {"Diagnosis", "TokenAnswer", "NotAccepted", "Row"},
	"shelfkeeper/daemon/redact":  {"Secret"},
	"shelfkeeper/keychain": {
		"Record", "Intent", "Purpose", "Password", "StoredPassword", "RenewPair", "RenewSpare", "PromoteSpare", "ChangePassword",
		"ErrNotFound", "ErrSlotPending", "ErrPassphrase", "ErrHanging", "ErrDenied",
	},
}

// The machine can do no I/O: neither its imports nor the language give it any.
func TestMachineIsPure(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range impure(parsed) {
			t.Errorf("%s: %s", file, complaint)
		}
	}
}

// The rule itself, on what it must refuse.
func TestImpureIsNoticed(t *testing.T) {
	for _, body := range []string{
		`import "os"`,
		`import "time"; var now = time.Now()`,
		`import "time"; func f() { time.Sleep(1) }`,
		`import clock "time"; var t clock.Time`,
		`import . "time"`,
		`import "shelfkeeper/daemon/absapi"; var c = absapi.New(nil, nil)`,
		`func f() { go f() }`,
		`var c chan int`,
		`func f() { println() }`,
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "x.go", "package machine; "+body, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(impure(parsed)) == 0 {
			t.Errorf("%s: nothing is said", body)
		}
	}
}

// impure says what in f may reach beyond memory.
func impure(f *ast.File) (complaints []string) {
	imported := map[string]string{}
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if _, ok := pure[path]; !ok || i.Name != nil {
			complaints = append(complaints, "imports "+path)
		}
		imported[path[strings.LastIndex(path, "/")+1:]] = path
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil {
				if path, ok := imported[x.Name]; ok && !slices.Contains(pure[path], n.Sel.Name) {
					complaints = append(complaints, "uses "+x.Name+"."+n.Sel.Name)
				}
			}
		case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
			complaints = append(complaints, "does something beside its caller")
		case *ast.CallExpr:
			if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "print" || x.Name == "println") {
				complaints = append(complaints, "prints")
			}
		}
		return true
	})
	return complaints
}
