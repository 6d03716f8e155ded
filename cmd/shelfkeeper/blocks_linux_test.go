package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"shelfkeeper/daemon/absfake"
)

// runnable is a block that its page marks as such: ```sh run, or ```sh run signed-in.
var runnable = regexp.MustCompile("(?ms)^```sh run( signed-in)?\n(.*?)^```$")

// Each block of commands that is marked as runnable runs, line after line, in a
// home of its own: a new one, or one where the account home is signed in and its
// daemon runs. The addresses of the examples lead to the double. What the block
// starts with run or demo ends with it.
func TestRunnableBlocks(t *testing.T) {
	t.Parallel()
	blocks := 0
	for page, text := range documents(t) {
		for _, m := range runnable.FindAllStringSubmatchIndex(text, -1) {
			blocks++
			signedIn, commands := m[2] >= 0, text[m[4]:m[5]]
			t.Run(fmt.Sprintf("%s:%d", page, 1+strings.Count(text[:m[0]], "\n")), func(t *testing.T) {
				t.Parallel()
				runBlock(t, commands, signedIn)
			})
		}
	}
	if blocks < 5 {
		t.Errorf("only %d blocks are marked as runnable", blocks)
	}
}

func runBlock(t *testing.T, commands string, signedIn bool) {
	p := newPlace(t)
	s := newServer(t, absfake.Config{Podcasts: true})
	if signedIn {
		p.ok(password, "login", s.url, "--username", user, "--password-stdin", "--store", "file", "--account", "home")
		p.daemon()
	}
	commands = strings.NewReplacer("https://abs.example.org", s.url, "127.0.0.1:13379", fmt.Sprintf("127.0.0.1:%d", p.port),
		"localhost:13380", fmt.Sprintf("localhost:%d", p.page)).Replace(commands)
	p.write(filepath.Join(p.home, "password.txt"), password)
	p.write(filepath.Join(p.home, "passphrase.txt"), passphrase)
	p.write(filepath.Join(p.home, "secret.txt"), "what the gateway wants")
	bin := filepath.Join(p.home, "bin")
	for name, script := range map[string]string{"go": goStandIn, "xdg-open": "exit 0", "systemctl": "exit 1"} {
		p.write(filepath.Join(bin, name), "#!/bin/bash\n"+script+"\n")
		if err := os.Chmod(filepath.Join(bin, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'for job in $(jobs -p); do kill -INT $job; done; wait' EXIT\n")
	for line := range strings.Lines(commands) {
		line = strings.TrimRight(line, "\n")
		switch words := strings.Fields(line); {
		case strings.HasPrefix(line, "shelfkeeper run") && len(words) > 1:
			fmt.Fprintf(&script, "shelfkeeper run >run.log &\nuntil [ -S %s ]; do sleep 0.1; done\n", p.socket())
		case strings.HasPrefix(line, "go run ./cmd/shelfkeeper demo"):
			fmt.Fprintf(&script, "%s --no-tray --for 1s\n", line)
		default:
			script.WriteString(line + "\n")
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", script.String())
	c.Dir, c.SysProcAttr = p.home, &syscall.SysProcAttr{Setpgid: true}
	c.Env = append(p.env, "PATH="+bin+":"+os.Getenv("PATH"), "SOURCE="+root)
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) } // with all that it started
	said, err := c.CombinedOutput()
	p.clean("the block", string(said))
	if err != nil {
		t.Errorf("the block ended with %v:\n%s\n%s", err, commands, said)
	}
}

// goStandIn stands for go, since building takes long: it looks for the packages,
// and where shelfkeeper is the one to run it runs the program under test.
const goStandIn = `verb=$1 package=$2; shift 2
[ "$package" = ./... ] || [ -f "$SOURCE/$package/main.go" ] || { echo "go: $package is no program" >&2; exit 1; }
case $verb in
run) [ "$package" != ./cmd/shelfkeeper ] || exec shelfkeeper "$@" ;;
install | build | test) ;;
*) echo "go: $verb is not known here" >&2; exit 1 ;;
esac`
