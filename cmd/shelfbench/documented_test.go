package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	benchCommand = regexp.MustCompile(`(?:^|[^/\w])(?:go run \./cmd/)?(shelfbench [a-z-][^` + "`" + `#|>]*)`)
	testCommand  = regexp.MustCompile(`go test ([^#>]*)`)
	runPattern   = regexp.MustCompile(`-(run|fuzz) '?([^' ]+)'?`)
	packagePath  = regexp.MustCompile(`\./[\w./]+`)
	testName     = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
)

// Every command of shelfbench that the documentation names is one of ours, with flags
// that it has. Every `go test` there names a package, and a test that the package has.
func TestCommandsInDocumentation(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	benches, tests := 0, 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for n, line := range strings.Split(string(text), "\n") {
			fenced = fenced != strings.HasPrefix(line, "```")
			for i, part := range strings.Split(line, "`") {
				if !fenced && i%2 == 0 {
					continue // prose; a command stands in a span or a block of code
				}
				at := fmt.Sprintf("%s:%d: %s", page, n+1, part)
				if m := benchCommand.FindStringSubmatch(part); m != nil {
					benches++
					if err := benchParses(m[1]); err != nil {
						t.Errorf("%s: %v", at, err)
					}
				}
				if m := testCommand.FindStringSubmatch(part); m != nil {
					tests++
					if err := testExists(m[1]); err != nil {
						t.Errorf("%s: %v", at, err)
					}
				}
			}
		}
	}
	if benches < 15 || tests < 8 {
		t.Errorf("only %d commands of shelfbench and %d of go test were read", benches, tests)
	}
	for _, wrong := range []string{"shelfbench survive", "shelfbench wan --no-such", "shelfbench survival --weeks", "shelfbench wan x"} {
		if benchParses(wrong) == nil {
			t.Errorf("%s passes", wrong)
		}
	}
	for _, wrong := range []string{"./cmd/no-such", "-run NoSuch ./cmd/shelfbench"} {
		if testExists(wrong) == nil {
			t.Errorf("go test %s passes", wrong)
		}
	}
}

// benchParses reads a command line as shelfbench would.
func benchParses(line string) error {
	root := newRoot()
	root.SetOut(io.Discard)
	c, rest, err := root.Find(strings.Fields(line)[1:])
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if c == root && c.Flags().NArg() > 0 {
		return fmt.Errorf("no command %s", c.Flags().Arg(0))
	}
	return c.ValidateArgs(c.Flags().Args())
}

// testExists finds what a command line of go test names.
func testExists(line string) error {
	path := packagePath.FindString(line)
	if path == "" {
		return fmt.Errorf("no package is named")
	}
	dir := filepath.Join("../..", strings.TrimSuffix(path, "..."))
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if _, missing := os.Stat(dir); err != nil || missing != nil {
		return fmt.Errorf("there is no package %s", path)
	}
	m := runPattern.FindAllStringSubmatch(line, -1)
	for _, wanted := range m {
		if wanted[2] == "NONE" {
			continue
		}
		name, err := regexp.Compile(wanted[2])
		if err != nil {
			return err
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, f := range testName.FindAllStringSubmatch(string(text), -1) {
				found = found || name.MatchString(f[1])
			}
		}
		if !found {
			return fmt.Errorf("%s has no test %s", path, wanted[2])
		}
	}
	return nil
}
