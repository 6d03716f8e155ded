package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// target is a system and a processor.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}, {"darwin", "amd64"}, {"darwin", "arm64"},
}

// build compiles the program for t and returns the file. No path of this
// machine is in it, no time, and no build id, so that every machine with the
// same Go makes the same bytes.
func (s *source) build(ctx context.Context, t target, icons icons) (string, error) {
	name := "shelfkeeper"
	if t.os == "windows" {
		name += ".exe"
		if err := s.windowsResource(t, icons); err != nil {
			return "", fmt.Errorf("icon and version of the program: %w", err)
		}
	}
	out := filepath.Join(s.work, t.os+"-"+t.arch, name)
	if t.os == "windows" {
		if err := s.link(ctx, t, windowless(out), " -H windowsgui"); err != nil {
			return "", err
		}
	}
	return out, s.compile(ctx, t, out)
}

// windowless is the second program for Windows: the same code for the GUI subsystem.
// Windows opens a console window for the first wherever nobody started it in one: at
// login, from the start menu, from a browser.
func windowless(program string) string { return strings.TrimSuffix(program, ".exe") + "w.exe" }

func (s *source) compile(ctx context.Context, t target, out string, flags ...string) error {
	return s.link(ctx, t, out, "", flags...)
}

func (s *source) link(ctx context.Context, t target, out, ldflags string, flags ...string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false"}
	own, err := s.flags()
	if err != nil {
		return err
	}
	for _, flag := range own {
		if strings.HasPrefix(flag, "-ldflags=") {
			flag += " -X main.version=" + s.version + " -X main.commit=" + s.commit + ldflags
		}
		args = append(args, flag)
	}
	args = append(args, flags...)
	c := exec.CommandContext(ctx, "go", append(args, "-o", out, "./cmd/shelfkeeper")...)
	c.Dir = s.tree
	c.Env = append(cleanEnv(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOTOOLCHAIN=local", "GOWORK=off")
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, text)
	}
	return nil
}

// flags are those of the file beside this one.
func (s *source) flags() (flags []string, err error) {
	text, err := os.ReadFile(filepath.Join(s.tree, ".ci", "release", "flags"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-") {
			flags = append(flags, line)
		}
	}
	return flags, nil
}

// cleanEnv is the environment without what changes a build.
func cleanEnv() []string {
	var kept []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "CGO_") && name != "GOAMD64" && name != "GOARM64" && name != "GOEXPERIMENT" {
			kept = append(kept, v)
		}
	}
	return kept
}
