package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"shelfkeeper/daemon/absfake"
)

// The scripts in testdata/script are command lines as people and programs write
// them: right, wrong, missing, extra, piped. SERVER is a server of their own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": endsWith, "objects": printsObjects, "columns": fitsColumns, "ascii": printsASCII, "running": waitsForDaemon,
		},
		Setup: func(s *testscript.Env) error {
			p := newPlace(s.T().(testing.TB))
			s.Vars = append(s.Vars, p.env...)
			s.Setenv("SERVER", newServer(s.T().(testing.TB), absfake.Config{}).url)
			s.Setenv("PORT", fmt.Sprint(p.port))
			s.Setenv("FREE", fmt.Sprint(freePort(s.T().(testing.TB))))
			s.Setenv("CONFIG", p.configPath())
			s.Setenv("STATE", p.state())
			return nil
		},
	})
}

// endsWith is `code N PROGRAM ARGUMENTS`: the program ends with that exit code.
func endsWith(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// printsObjects is `objects`: every line on stdout is an object with the format.
func printsObjects(ts *testscript.TestScript, _ bool, _ []string) {
	text := ts.ReadFile("stdout")
	if text == "" {
		ts.Fatalf("nothing is on stdout")
	}
	for line := range strings.Lines(text) {
		dec := json.NewDecoder(bytes.NewReader([]byte(line)))
		var v struct{ Format int }
		if err := dec.Decode(&v); err != nil || v.Format != jsonFormat || dec.More() {
			ts.Fatalf("no object of format %d: %s", jsonFormat, line)
		}
	}
}

// fitsColumns is `columns N`: no line is longer, but for one that cannot be broken.
func fitsColumns(ts *testscript.TestScript, _ bool, args []string) {
	most, err := strconv.Atoi(args[0])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile("stdout") + ts.ReadFile("stderr")) {
		line = strings.TrimRight(line, "\n")
		pieces := unbroken.FindAllString(strings.TrimLeft(line, " "), -1)
		if columns(line) > most && len(pieces) > 1 {
			ts.Fatalf("%d columns: %s", columns(line), line)
		}
	}
}

// printsASCII is `ascii`: neither stream has a letter beyond it.
func printsASCII(ts *testscript.TestScript, _ bool, _ []string) {
	for _, r := range ts.ReadFile("stdout") + ts.ReadFile("stderr") {
		if r > 126 || r < 32 && r != '\n' && r != '\t' {
			ts.Fatalf("%q is on a stream", r)
		}
	}
}

// waitsForDaemon is `running LEVEL`: the daemon answers, and its first account has
// that level.
func waitsForDaemon(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.After(patience)
	for {
		err := ts.Exec("shelfkeeper", "status", "--json")
		var s struct{ Accounts []struct{ Level string } }
		if json.Unmarshal([]byte(ts.ReadFile("stdout")), &s) == nil && len(s.Accounts) > 0 && s.Accounts[0].Level == args[0] {
			return
		}
		select {
		case <-deadline:
			ts.Fatalf("the account is not %s: %v\n%s", args[0], err, ts.ReadFile("stdout"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
