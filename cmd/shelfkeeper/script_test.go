package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
		Setup: func(s *testscript.Env) error {
			p := newPlace(s.T().(testing.TB))
			bin := filepath.Join(p.home, "bin")
			if err := os.MkdirAll(bin, 0o700); err != nil {
				return err
			}
			if err := os.Symlink(binary, filepath.Join(bin, "shelfkeeper")); err != nil {
				return err
			}
			s.Vars = append(s.Vars, p.env...)
			s.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			s.Setenv("SERVER", newServer(s.T().(testing.TB), absfake.Config{}).url)
			s.Setenv("PORT", fmt.Sprint(p.port))
			s.Setenv("CONFIG", p.configPath())
			s.Setenv("STATE", p.state())
			return nil
		},
	})
}
