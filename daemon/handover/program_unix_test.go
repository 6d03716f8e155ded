//go:build unix

package handover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// install puts a program in the place of another, as a package does: by a rename.
func install(t *testing.T, path, script string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func programAt(t *testing.T, path string) Program {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return Program{path, info}
}

func TestVersionOfAProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	for script, want := range map[string]string{
		`echo '{"version":"1.2.3"}'`:                            "1.2.3",
		`[ "$*" = "version --json" ] && echo '{"version":"1"}'`: "1",
		`exit 3`:                               "does not run: exit status 3",
		`echo 'no such library' >&2; exit 127`: "no such library",
		`echo hello`:                           "is no Shelfkeeper",
		`echo '{}'`:                            "is no Shelfkeeper",
		`while :; do echo xxxxxxxxxxxxxxxxxxxxxx; done | head -c 1000000`: "is no Shelfkeeper",
	} {
		install(t, path, script)
		got, err := programAt(t, path).Version(t.Context())
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := (Program{path: path}).Version(t.Context()); err == nil {
		t.Error("a program that is gone has a version")
	}
}

func TestInstalledIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	install(t, path, `echo '{"version":"1"}'`)
	changed := make(chan struct{}, 10)
	i := NewInstalled(programAt(t, path), func() { changed <- struct{}{} })
	defer i.Close()
	if got := i.Version(); got != "" {
		t.Errorf("the same file is %q", got)
	}
	noticed := func(want string) {
		t.Helper()
		i.Version()
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatal("not noticed")
		}
		if got := i.Version(); got != want {
			t.Errorf("installed is %q, want %q", got, want)
		}
	}
	install(t, path, `echo '{"version":"2"}'`)
	noticed("2")
	install(t, path, `echo '{"version":"3"}' # later`)
	noticed("3")
	install(t, path, `exit 1`) // half written, or for another machine
	i.Version()
	i.running.Wait()
	if got := i.Version(); got != "" {
		t.Errorf("a program that does not run is %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := i.Version(); got != "" {
		t.Errorf("nothing is %q", got)
	}
	if len(changed) > 0 {
		t.Error("told more than once")
	}
}

func TestOwnProgram(t *testing.T) {
	own, err := Own(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(own.Path(), link); err != nil {
		t.Fatal(err)
	}
	if got, err := Own(link); err != nil || got.Path() != link {
		t.Errorf("called by a link: %q %v", got.Path(), err)
	}
	if got, err := Own("/bin/sh"); err != nil || got.Path() == "/bin/sh" {
		t.Errorf("called by another program's name: %q %v", got.Path(), err)
	}
	i := NewInstalled(Program{}, nil)
	if got := i.Version(); got != "" {
		t.Errorf("an unknown program is %q", got)
	}
	i.Close()
}
