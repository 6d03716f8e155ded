package daemon

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// level is where a package stands. Imports point strictly down, so that no
// part knows what is built upon it. durable and problem joined level 0 when
// accounts, vault and budget came to share one way of writing files, and CLI
// and control socket one form of error; history left it, since it writes files
// in that one way too.
var level = map[string]int{
	"cmd/shelfkeeper": 6, "cmd/shelfbench": 6,
	"tray": 5, "daemon": 5,
	"daemon/home": 4, "daemon/service": 4, "daemon/statuspage": 4,
	"daemon/proxy": 3, "daemon/control": 3, "daemon/dashboard": 3,
	"daemon/session": 2, "daemon/progress": 2, "daemon/library": 2, "daemon/playback": 2, "wsconn": 2, "daemon/openid": 2, "daemon/doctor": 2,
	"daemon/absapi": 1, "daemon/upstream": 1, "daemon/tokenfilter": 1, "daemon/players": 1, "daemon/netmon": 1,
	"daemon/desktop": 1, "daemon/config": 1, "daemon/accounts": 1, "daemon/history": 1, "daemon/logbook": 1, "daemon/bundle": 1,
	"daemon/handover": 1, "daemon/localcert": 1, "keychain": 1,
	"daemon/health": 0, "daemon/redact": 0, "assets": 0, "daemon/hostname": 0, "daemon/durable": 0, "daemon/problem": 0, "daemon/netcause": 0,
	"daemon/programs":  0,
	"daemon/memory":    0,
	"daemon/pathwatch": 0,
	"daemon/order":     -1, // sorts, and knows no type of ours
	"daemon/failpoint": -1, // below everything whose steps it names; empty in a released program
}

// apart stand beside the levels: they import nothing of ours, and only tests
// and commands import them.
var apart = []string{"daemon/absfake", "keychain/keyringtest", "docs/docstest"}

// rigs are what the tests of several packages share. They may import what tests
// may, and only tests import them.
var rigs = []string{"daemon/proxy/proxytest"}

func TestImportsPointDown(t *testing.T) {
	seen := 0
	walk(t, func(pkg, file string, imports []string) {
		for _, to := range imports {
			seen++
			if why := forbidden(pkg, to, strings.HasSuffix(file, "_test.go")); why != "" {
				t.Errorf("%s imports %s: %s", file, to, why)
			}
		}
	})
	if seen < 50 {
		t.Errorf("only %d imports seen: the walk does not reach the project", seen)
	}
}

// The rule itself, on edges that must be refused.
func TestForbiddenEdges(t *testing.T) {
	for _, c := range []struct {
		from, to string
		test     bool
		bad      bool
	}{
		{"daemon/session", "daemon/absapi", false, false},
		{"daemon/absapi", "daemon/session", false, true},
		{"daemon/control", "daemon/proxy", false, true}, // same level
		{"daemon", "tray", false, true},
		{"daemon/home", "daemon/service", false, true}, // the daemon alone knows both
		{"daemon/service", "daemon", true, true},
		{"tray", "daemon/control", false, false},
		{"daemon/proxy", "daemon/absfake", true, false},
		{"daemon/proxy", "daemon/absfake", false, true},
		{"daemon/proxy/proxytest", "daemon/absfake", false, false},
		{"daemon/proxy", "daemon/proxy/proxytest", false, true},
		{"daemon/proxy/answers", "daemon/proxy/proxytest", true, false},
		{"daemon/absfake", "daemon/redact", true, true},
		{"daemon/absfake/conformance", "daemon/absfake", false, false},
		{"cmd/shelfkeeper", "daemon/absfake", false, false},
		{"daemon/mystery", "daemon/redact", false, true},
		{"keychain/inner", "daemon/redact", false, false},
	} {
		if got := forbidden(c.from, c.to, c.test) != ""; got != c.bad {
			t.Errorf("%s -> %s (test %v): forbidden %v, want %v", c.from, c.to, c.test, got, c.bad)
		}
	}
}

// forbidden says why from may not import to, "" if it may.
func forbidden(from, to string, test bool) string {
	for _, rig := range rigs {
		if within(to, rig) && !test {
			return "only tests may use it"
		}
		test = test || within(from, rig)
	}
	for _, a := range apart {
		switch {
		case within(to, a) && within(from, a):
			return ""
		case within(from, a):
			return a + " imports none of our packages"
		case within(to, a) && !test && !strings.HasPrefix(from, "cmd/"):
			return "only tests and commands may use it"
		case within(to, a):
			return ""
		}
	}
	fromLevel, okFrom := levelOf(from)
	toLevel, okTo := levelOf(to)
	switch {
	case !okFrom || !okTo:
		return "it has no level yet"
	case levelRoot(from) == levelRoot(to):
		return "" // sub-packages of one house
	case toLevel >= fromLevel:
		return "imports point strictly down, here from " + strconv.Itoa(fromLevel) + " to " + strconv.Itoa(toLevel)
	}
	return ""
}

func within(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

// levelRoot returns the package with a level that pkg is or lies in.
func levelRoot(pkg string) string {
	for p := pkg; p != "."; p = filepath.ToSlash(filepath.Dir(p)) {
		if p == "daemon" && pkg != "daemon" {
			return "" // everything else below daemon needs a level of its own
		}
		if _, ok := level[p]; ok {
			return p
		}
	}
	return ""
}

func levelOf(pkg string) (int, bool) {
	l, ok := level[levelRoot(pkg)]
	return l, ok
}

// walk calls f with each Go file of the project and what it imports of ours.
func walk(t *testing.T, f func(pkg, file string, imports []string)) {
	t.Helper()
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var ours []string
		for _, i := range parsed.Imports {
			if to, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "shelfkeeper/"); ok {
				ours = append(ours, to)
			}
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f(filepath.ToSlash(filepath.Dir(rel)), rel, ours)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The page that newcomers read has a row for each level, and no other.
func TestArchitecturePageAgrees(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (-?[0-9]+) \\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		if rows[row[2]], err = strconv.Atoi(row[1]); err != nil {
			t.Fatal(err)
		}
	}
	for pkg, l := range level {
		if at, ok := rows[pkg]; !ok || at != l {
			t.Errorf("docs/architecture.md has %s at level %d (a row: %v), layers_test.go at %d", pkg, at, ok, l)
		}
	}
	for pkg := range rows {
		if _, ok := level[pkg]; !ok {
			t.Errorf("docs/architecture.md has a row for %s, which has no level", pkg)
		}
	}
	for _, pkg := range apart {
		if !strings.Contains(string(page), "`"+pkg+"`") {
			t.Errorf("docs/architecture.md does not name %s", pkg)
		}
	}
}

// A package has a level from the day it has a job, and not before.
func TestLevelsExist(t *testing.T) {
	seen := map[string]bool{}
	walk(t, func(pkg, _ string, _ []string) {
		if h := levelRoot(pkg); h != "" {
			seen[h] = true
		}
	})
	for pkg := range level {
		if !seen[pkg] {
			t.Errorf("%s has a level and no file", pkg)
		}
	}
}

func TestTopLevelFolders(t *testing.T) {
	allowed := []string{"cmd", "tray", "daemon", "keychain", "wsconn", "assets", "docs",
		"dist"} // the packages that were built, which git ignores
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}
