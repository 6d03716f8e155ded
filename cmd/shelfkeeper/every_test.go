package main

import (
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/problem"
)

// everyCommand lists the command lines of all commands, the hidden ones too.
func everyCommand() (lines [][]string) {
	root := newRoot(&env{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	root.InitDefaultHelpCmd()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		lines = append(lines, strings.Fields(c.CommandPath())[1:])
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return lines
}

// mistake is what a person reads of one: what is wrong, and what to do.
var mistake = regexp.MustCompile(`^shelfkeeper: [^\n]+\n  → [^\n]+\n$`)

// Every command refuses what no command can mean: in plain words, with exit code 2,
// with nothing on stdout, or with one object there under --json.
func TestEveryCommandRefusesMistakes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, command := range everyCommand() {
		for _, wrong := range [][]string{
			{"one", "two", "three", "four"}, {"--no-such-flag"}, {"-Z"}, {"--json=maybe"}, {"--control"}, {"--=x"}, {""},
			{"a\x1b[31mb"}, {"\xff\xfe"}, {strings.Repeat("x", 5000)}, {"--config", ""},
		} {
			line := append(slices.Clone(command), wrong...)
			takesAny := len(command) == 1 && slices.Contains([]string{"report", "openid-return", "keychain-op"}, command[0])
			if takesAny && len(wrong) == 1 && wrong[0] != "" && wrong[0][0] != '-' {
				continue // a file may have any name, and a desktop hands over any address
			}
			if len(command) == 1 && slices.Contains([]string{"search", "play", "url"}, command[0]) && len(wrong) == 4 {
				continue // words of a title
			}
			if r := p.run("", line...); r.code != problem.Usage {
				t.Errorf("%q: exit code %d\n%.300s%.300s", line, r.code, r.stdout, r.stderr)
			} else if r.stdout != "" || !mistake.MatchString(r.stderr) || len(r.stderr) > 500 {
				t.Errorf("%q:\n%.300s\n%.600s", line, r.stdout, r.stderr)
			} else if why := jargon.FindString(r.stderr); why != "" {
				t.Errorf("%q says %q:\n%s", line, why, r.stderr)
			}
		}
		r := p.run("", append(slices.Clone(command), "--json", "--no-such-flag")...)
		var v struct {
			Format int
			Error  *problem.Problem
		}
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || v.Format != jsonFormat || v.Error == nil || v.Error.Code != problem.Usage {
			t.Errorf("%q --json: %v\n%s", command, err, r.stdout)
		}
	}
}

// jargon are words of Go's parsers and of the system.
var jargon = regexp.MustCompile(`strconv|parsing|invalid syntax|time: |flag needs an argument|pflag|stat /|open /|` +
	`no such file|EOF|bind:|nil`)

// Every help fits a narrow terminal, and a locale without UTF-8.
func TestEveryHelpIsNarrowAndPlain(t *testing.T) {
	t.Parallel()
	p := barePlace(t, []string{"COLUMNS=60", "LC_ALL=C"})
	for _, command := range everyCommand() {
		r := p.ok("", append(slices.Clone(command), "--help")...)
		for line := range strings.Lines(r.stdout) {
			line = strings.TrimRight(line, "\n")
			if columns(line) > 60 && len(unbroken.FindAllString(strings.TrimLeft(line, " "), -1)) > 1 {
				t.Errorf("%q: %d columns: %s", command, columns(line), line)
			}
			if i := strings.IndexFunc(line, func(r rune) bool { return r > 126 }); i >= 0 {
				t.Errorf("%q: %s", command, line)
			}
		}
	}
}

// Flags say what they take.
func TestFlagMistakes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct{ line, says string }{
		{"account set home --port abc", `--port takes a whole number, not "abc"`},
		{"account set home --port 0x1f", `--port takes a whole number, not "0x1f"`},
		{"account set home --port 1e3", `--port takes a whole number, not "1e3"`},
		{"account set home --port", `--port needs a whole number after it`},
		{"demo --for soon", `--for takes a time such as 30s, 5m or 1h30m, not "soon"`},
		{"demo --for 5", `--for takes a time such as 30s, 5m or 1h30m, not "5"`},
		{"demo --for -5s", `--for takes a time above zero`},
		{"demo --access-ttl 1500ms", `--access-ttl takes whole seconds`},
		{"demo --rate -1", `--rate takes bytes per second such as 300k or 2M, not "-1"`},
		{"demo --listen nowhere", `--listen takes an address such as 127.0.0.1:14000, not "nowhere"`},
		{"demo --faults lose:0%", `a chance is from above 0% to 100%`},
		{"demo --faults explode", `there is no fault "explode"`},
		{"status --watch=maybe", `--watch takes true or false, or nothing, not "maybe"`},
		{"tray --log-level loud", `--log-level takes debug, info, warn or error, not "loud"`},
		{"pause --until 1y", `--until takes tomorrow, or a duration such as 30m, 2h or 3d up to a year, not "1y"`},
		{"logs --since 25:00", `--since takes a time such as 2h, 3d, 15:04 or 2006-01-02T15:04, not "25:00"`},
		{"players add x --scope FULL", `no scope is called "FULL": there are listen, full and admin`},
		{"account set home --ca /nowhere", "--ca: there is no file /nowhere"},
		{"account set home --ca /", "--ca: / is a folder"},
		{"account set home --client-cert /dev/null", "--client-cert: /dev/null is not a file of certificates"},
		{"account set home --proxy nope", "the proxy's address is not one; write it like http://proxy.example:3128"},
		{"progress retry 1.5", `"1.5" is no number of a report`},
		{"status --jsn", "did you mean `--json`?"},
		{"run --no-page --show", "--no-page and --show exclude each other"},
		{"config check --config /", "--config: / is a folder"},
	} {
		r := p.run("", strings.Fields(c.line)...)
		if (r.code != problem.Usage && r.code != problem.Config) || !strings.Contains(r.stderr, c.says) || !mistake.MatchString(r.stderr) ||
			jargon.MatchString(r.stderr) {
			t.Errorf("%s: exit code %d\n%s", c.line, r.code, r.stderr)
		}
	}
}
