package autostart

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// odd is a path with what each format has to write in a special way.
const odd = `/opt/my books/50% "off" & it's $HOME\shelfkeeper`

func TestGolden(t *testing.T) {
	plain := Plan{Program: "/usr/local/bin/shelfkeeper"}
	strange := Plan{Program: odd, Args: []string{"--config", "/home/a b/$x;%h/config.toml"}}
	headless := Plan{Program: "/usr/local/bin/shelfkeeper", Headless: true, PassphraseFile: "/home/a b/100% secret"}
	for name, text := range map[string]string{
		"unit-plain": plain.unit(), "unit-odd": strange.unit(), "unit-headless": headless.unit(),
		"entry-plain": plain.entry(), "entry-odd": strange.entry(),
		"plist-plain": plain.plist(), "plist-odd": strange.plist(),
	} {
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text != strings.ReplaceAll(string(want), "\r\n", "\n") {
			t.Errorf("%s is\n%s\nwant\n%s", name, text, want)
		}
	}
}

func TestPlistGivesBackItsArguments(t *testing.T) {
	p := Plan{Program: odd, Args: []string{"--config", "/<a>&b"}}
	got, err := plistCommand(p.plist())
	if err != nil || !slices.Equal(got, p.command()) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRunLine(t *testing.T) {
	const conhost = `C:\Windows\System32\conhost.exe`
	for _, c := range []struct{ program, want string }{
		{`C:\Apps\shelfkeeper.exe`, conhost + ` --headless C:\Apps\shelfkeeper.exe run`},
		{`C:\Program Files\S & K (x86)\shelfkeeper.exe`, conhost + ` --headless "C:\Program Files\S & K (x86)\shelfkeeper.exe" run`},
	} {
		got, err := Plan{Program: c.program}.runLine(conhost)
		if err != nil || got != c.want {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
	for _, bad := range []string{`C:\a"b.exe`, `C:\` + strings.Repeat("long", 80) + `\s.exe`} {
		if _, err := (Plan{Program: bad}).runLine(conhost); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	got, err := Plan{Program: `C:\s.exe`, Args: []string{"--config", `C:\my dir\`}}.runLine(conhost)
	if want := conhost + ` --headless C:\s.exe run --config "C:\my dir\\"`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// A program without a console needs none that nobody sees.
func TestRunLineOfTheWindowlessProgram(t *testing.T) {
	none, both := func(string) bool { return false }, func(string) bool { return true }
	for _, c := range []struct {
		program string
		there   func(string) bool
		want    string
	}{
		{`C:\a b\shelfkeeper.exe`, both, `"C:\a b\shelfkeeperw.exe" run`},
		{`C:\s\shelfkeeperw.exe`, both, `C:\s\shelfkeeperw.exe run`},
		{`C:\s\ShelfkeeperW.exe`, none, `C:\s\ShelfkeeperW.exe run`},
		{`C:/s/shelfkeeper.exe`, both, `C:/s/shelfkeeperw.exe run`},
		{`C:\s\shelfkeeper.exe`, none, `conhost --headless C:\s\shelfkeeper.exe run`},
	} {
		got, err := Plan{Program: windowless(c.program, c.there)}.runLine("conhost")
		if err != nil || strings.ReplaceAll(got, `\\`, `\`) != strings.ReplaceAll(c.want, `\\`, `\`) {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
}

// What a person is told to type is the program that answers.
func TestConsoleProgram(t *testing.T) {
	none, both := func(string) bool { return false }, func(string) bool { return true }
	for _, c := range []struct {
		program string
		there   func(string) bool
		want    string
	}{
		{`C:\a b\shelfkeeperw.exe`, both, `C:\a b\shelfkeeper.exe`},
		{`C:/s/ShelfkeeperW.exe`, both, `C:/s/shelfkeeper.exe`},
		{`C:\s\shelfkeeperw.exe`, none, `C:\s\shelfkeeperw.exe`},
		{`C:\s\renamed.exe`, both, `C:\s\renamed.exe`},
		{`shelfkeeperw.exe`, both, `shelfkeeper.exe`},
	} {
		if got := console(c.program, c.there); got != c.want {
			t.Errorf("%s: %s, want %s", c.program, got, c.want)
		}
	}
}

func TestApproved(t *testing.T) {
	for _, c := range []struct {
		flag []byte
		want bool
	}{{nil, true}, {[]byte{2, 0, 0}, true}, {[]byte{6}, true}, {[]byte{3, 0, 0, 0, 1}, false}, {[]byte{7}, false}} {
		if got := approved(c.flag); got != c.want {
			t.Errorf("%v: %v", c.flag, got)
		}
	}
}

func TestTemporary(t *testing.T) {
	for path, want := range map[string]bool{
		"/tmp/go-build123456/b001/exe/shelfkeeper": true,
		"/home/a/.cache/go-build/ab/abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd-d/shelfkeeper": true,
		"/var/cache/mine/ab/abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd-d/shelfkeeper":         true,
		"/home/a/go-builders/shelfkeeper": false,
		"/usr/bin/shelfkeeper":            false,
		"/home/a/go/bin/shelfkeeper":      false,
	} {
		if got := temporary(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
