package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
)

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, e *env, args []string) problem.Code {
	// On Windows cobra refuses by default what the explorer starts, which is all that
	// starts from the menu and at login.
	cobra.MousetrapHelpText = ""
	e.asking = new(atomic.Bool)
	ascii := asciiOnly(os.Getenv)
	self := sync.OnceValue(e.selfCalled) // once the global flags are read
	e.stdout = &textWriter{out: e.stdout, ascii: ascii, self: self}
	e.stderr = &textWriter{out: e.stderr, ascii: ascii, self: self}
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	c, err := root.ExecuteContextC(ctx)
	e.json = e.json || err != nil && asksForJSON(args) // a mistake before it
	for _, f := range e.clean {
		f()
	}
	var said saidAlready
	switch {
	case err == nil:
		return problem.OK
	case errors.As(err, &said):
		return said.code
	}
	p := problem.Of(err)
	if p.Code == problem.Usage && p.Remedy == "" {
		p.Remedy = usage(c, p).Remedy
	}
	p = e.withName(c, p)
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || !endsByCtrlC[c.Name()]) {
		p = errInterrupted // whatever it was about to do, it is not done
	}
	e.explain(p)
	return p.Code
}

// endsByCtrlC are the commands for which it is the usual end: an error then is one.
var endsByCtrlC = map[string]bool{"run": true, "demo": true, "tray": true, "shelfkeeper": true}

// withName fills in the account in a remedy, where the command line or the only one
// there is tells which it is.
func (e *env) withName(c *cobra.Command, p *problem.Problem) *problem.Problem {
	const blank = "account set NAME"
	if c.Name() == "login" && signInCommand.MatchString(p.Remedy) {
		given := *p
		given.Remedy = withGiven(c, p.Remedy)
		return &given
	}
	if !strings.Contains(p.Remedy, blank) {
		return p
	}
	name := ""
	if f := c.Flags().Lookup("account"); f != nil {
		name = f.Value.String()
	} else if args := c.Flags().Args(); len(args) > 0 {
		name = args[0]
	}
	a, _, ok := e.account(name)
	named := *p
	switch {
	case c.Name() == "login": // its own flags are the same
		named.Remedy = ofSet.ReplaceAllString(p.Remedy, "`$1` with this command")
		named.Text = strings.Replace(p.Text, "which the account's settings name", "which --proxy names", 1)
	case ok:
		named.Remedy = health.For(a.Shown(), p.Remedy)
	}
	return &named
}

// ofSet is a remedy for an account that is here.
var ofSet = regexp.MustCompile("`[a-z]+ account set NAME (--[^`]*)`")

// asksForJSON reports whether a command line that could not be read has --json.
func asksForJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

// saidAlready is the end of a command that has said everything on stdout.
type saidAlready struct{ code problem.Code }

func (s saidAlready) Error() string { return fmt.Sprintf("exit code %d", s.code) }

// explain says what went wrong and what to do about it.
func (e *env) explain(p *problem.Problem) {
	text := "shelfkeeper: " + cutText(p.Text) + "\n"
	if p.Remedy != "" {
		text += "  → " + cutText(p.Remedy) + "\n"
	}
	if logbook.IsJournal(e.stderr) {
		e.stderrLog()(time.Now(), slog.LevelError, strings.TrimSuffix(strings.ReplaceAll(text, "\n  → ", " → "), "\n"))
	} else {
		fmt.Fprint(e.stderr, folded(text, e.errWidth()))
	}
	if e.json {
		_ = e.writeJSON(jsonError{p}) // stderr has said it
	}
}

// maxText bounds a text about a failure: a person is to read it.
const maxText = 1200

func cutText(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
