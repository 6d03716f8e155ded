package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are the pages that people read, but for docs/cli.md, which is made
// from the commands.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(file) != "cli.md" {
				all[strings.TrimPrefix(file, "../../")] = string(text)
			}
		}
	}
	if len(all) < 12 {
		t.Fatalf("only %d pages: the documentation is somewhere else", len(all))
	}
	return all
}

var (
	codeSpan = regexp.MustCompile("`(shelfkeeper [^`]+)`")
	prompted = regexp.MustCompile(`^(?:\$ )?(?:go run \./cmd/)?(shelfkeeper(?: .*)?)$`)
	lineEnds = regexp.MustCompile(`\s(?:[|<>#&].*)$`)
)

// Every command that the documentation names is one of ours, with flags that it
// has. In a block of code it has as many arguments as it takes, too.
func TestCommandsInDocumentation(t *testing.T) {
	t.Parallel()
	spans, lines := 0, 0
	for page, text := range documents(t) {
		for n, line := range strings.Split(text, "\n") {
			at := fmt.Sprintf("%s:%d", page, n+1)
			if m := prompted.FindStringSubmatch(line); m != nil {
				lines++
				if command := lineEnds.ReplaceAllString(m[1], ""); parses(command) != nil {
					t.Errorf("%s: %s: %v", at, command, parses(command))
				}
			}
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				spans++
				if err := named(lineEnds.ReplaceAllString(m[1], "")); err != nil {
					t.Errorf("%s: `%s`: %v", at, m[1], err)
				}
			}
		}
	}
	if spans < 50 || lines < 5 {
		t.Errorf("only %d commands in sentences and %d in blocks were read", spans, lines)
	}
	for _, wrong := range []string{"shelfkeeper signout", "shelfkeeper login URL --no-such", "shelfkeeper players lift"} {
		if named(wrong) == nil {
			t.Errorf("%s passes", wrong)
		}
	}
}

// named reads a command in a sentence. Its arguments may be missing.
func named(line string) error {
	err := parses(line)
	for _, placeholders := range []string{" x", " x x"} {
		if err == nil {
			break
		}
		err = parses(line + placeholders)
	}
	return err
}
