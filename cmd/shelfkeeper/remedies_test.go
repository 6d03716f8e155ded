package main

import (
	"errors"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// quoted is a command line or a flag as texts print it.
var quoted = regexp.MustCompile("`((?:shelfkeeper|--[a-z])[^`]*)`")

// Every command that a text of the program tells a person to run is one of ours,
// with flags that it has and as many arguments as it takes.
func TestCommandsInTextsExist(t *testing.T) {
	texts := map[string]string{} // by where they are
	for _, dir := range []string{"../../cmd/shelfkeeper", "../../daemon", "../../keychain", "../../tray"} {
		maps.Copy(texts, literals(t, dir))
	}
	found := map[string]bool{}
	for at, text := range texts {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			found[m[1]] = true
			if err := parses(m[1]); err != nil {
				t.Errorf("%s: `%s`: %v", at, m[1], err)
			}
		}
	}
	// The conditions of which the way out was missing or led nowhere.
	for _, want := range []string{"shelfkeeper logout --forget", "shelfkeeper login URL --store file", "shelfkeeper reauth",
		"shelfkeeper run", "shelfkeeper status", "shelfkeeper account set", "--store %s", "--no-store-password"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no text names `%s`", want)
		}
	}
}

// What must not pass.
func TestParsesNoticesWhatDoesNotExist(t *testing.T) {
	for _, line := range []string{"shelfkeeper signout", "shelfkeeper logout --forgot", "shelfkeeper login a b", "shelfkeeper logout now",
		"shelfkeeper quit now", "shelfkeeper account set x --port many", "shelfkeeper players revoke", "--no-such-flag"} {
		if parses(line) == nil {
			t.Errorf("%s passes", line)
		}
	}
}

// parses reads a command line, as a text prints it, as the program would.
// Placeholders stand for what the text fills in or a person has to.
func parses(line string) error {
	line = strings.NewReplacer("%s", "x", "%q", "x", "%v", "x", "%d", "1", " --port N", " --port 1").Replace(line)
	root := newRoot(&env{stdout: io.Discard, stderr: io.Discard})
	if strings.HasPrefix(line, "--") {
		return hasFlag(root, strings.TrimPrefix(strings.Fields(line)[0], "--"))
	}
	args, err := words(strings.TrimPrefix(line, "shelfkeeper"))
	if err != nil {
		return err
	}
	c, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	switch err := c.ParseFlags(rest); {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	return c.ValidateArgs(c.Flags().Args())
}

func hasFlag(c *cobra.Command, name string) error {
	found := c.Flags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil
	for _, sub := range c.Commands() {
		found = found || hasFlag(sub, name) == nil
	}
	if !found {
		return &pflag.NotExistError{}
	}
	return nil
}

// words splits a line as a shell does, as far as our texts need.
func words(line string) (list []string, err error) {
	for _, part := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1) {
		list = append(list, strings.Trim(part, `"'`))
	}
	return list, nil
}

// literals returns the texts in the product code below dir, sums of literals as
// one, by where they stand.
func literals(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := gotoken.NewFileSet()
		f, err := parser.ParseFile(files, path, source, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := constant(e)
			if ok && strings.Contains(text, "`") {
				all[files.Position(e.Pos()).String()] = text
			}
			return !ok
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// constant is the text of a literal or of a sum of literals.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != gotoken.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, okX := constant(e.X)
		y, okY := constant(e.Y)
		return x + y, e.Op == gotoken.ADD && okX && okY
	case *ast.ParenExpr:
		return constant(e.X)
	}
	return "", false
}
