package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// builtDir is where the program under test lies.
var builtDir string

// built is the program under test, with the race detector where GOFLAGS asks
// for it.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtDir, "shelfkeeper.exe")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "shelfkeeper/cmd/shelfkeeper")
	build.Stderr = os.Stderr
	return path, build.Run()
})

func TestMain(m *testing.M) {
	if asSelf() {
		return
	}
	var err error
	if builtDir, err = os.MkdirTemp("", "sbbin"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(builtDir)
		os.Exit(code)
	}))
}
