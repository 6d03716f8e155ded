//go:build !windows && !darwin

package desktop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"shelfkeeper/daemon/desktop/entry"
	"shelfkeeper/daemon/durable"
)

const (
	// entryName is the desktop entry's, which other programs may come across.
	entryName = "shelfkeeper-sign-in.desktop"
	// mimeDeadline bounds xdg-mime, a shell script that asks the desktop.
	mimeDeadline = 10 * time.Second
)

func takeScheme(scheme string, command []string) (restore func() error, err error) {
	kind := "x-scheme-handler/" + scheme
	before, err := xdgMime("query", "default", kind)
	if err != nil {
		return nil, err
	}
	if err := writeEntry(kind, command); err != nil {
		return nil, err
	}
	if before == entryName {
		return func() error { return nil }, nil
	}
	if _, err := xdgMime("default", entryName, kind); err != nil {
		return nil, err
	}
	if now, err := xdgMime("query", "default", kind); err != nil || now != entryName {
		return nil, fmt.Errorf("take %s: %w: it stays with %q", kind, ErrNoScheme, now)
	}
	return func() error {
		if before == "" {
			return nil
		}
		_, err := xdgMime("default", before, kind)
		return err
	}, nil
}

// xdgMime runs the desktops' common tool, which knows where each of them keeps
// its choice of programs.
func xdgMime(args ...string) (string, error) {
	path, err := exec.LookPath("xdg-mime")
	if err != nil {
		return "", fmt.Errorf("%w: install xdg-utils", ErrNoScheme)
	}
	ctx, cancel := context.WithTimeout(context.Background(), mimeDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second // its children may hold the pipe
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("xdg-mime %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// userDir is a directory of the user's by its variable, or by its place in the home
// directory (freedesktop.org, XDG Base Directory Specification).
func userDir(variable string, place ...string) (string, error) {
	dir := os.Getenv(variable)
	if filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(append([]string{home}, place...)...), err
}

// writeEntry writes the desktop entry of command (freedesktop.org, Desktop
// Entry Specification).
func writeEntry(kind string, command []string) error {
	dir, err := userDir("XDG_DATA_HOME", ".local", "share")
	if err != nil {
		return fmt.Errorf("write the desktop entry: %w", err)
	}
	dir = filepath.Join(dir, "applications")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the desktop entry: %w", err)
	}
	text := "[Desktop Entry]\nType=Application\nName=Shelfkeeper\nComment=Brings a browser's sign-in back to Shelfkeeper\n" +
		"Exec=" + entry.Exec(command) + " -- %u\nNoDisplay=true\nTerminal=false\nMimeType=" + kind + ";\n"
	path := filepath.Join(dir, entryName)
	if there, err := os.ReadFile(path); err == nil && string(there) == text {
		return nil
	}
	return durable.WriteFile(path, []byte(text), 0o644)
}
