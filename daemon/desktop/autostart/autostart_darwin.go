package autostart

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/problem"
)

func agentPath() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, "Library", "LaunchAgents", label+".plist"), err
}

// turnOn writes the agent, which launchd reads at each login. It is not told
// now, since that would start a second daemon beside the one that may run.
func turnOn(_ context.Context, p Plan) (why string, err error) {
	if p.Headless {
		return "", problem.Newf(problem.Usage, "leave --headless away, or write a LaunchDaemon as the administrator",
			"a start without a login is not there on macOS")
	}
	path, err := agentPath()
	if err != nil {
		return "", err
	}
	if there, err := os.ReadFile(path); err == nil && !strings.Contains(string(there), mark) {
		return "", foreign(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return "", durable.WriteFile(path, []byte(p.plist()), 0o644)
}

func turnOff(context.Context) error {
	path, err := agentPath()
	if err != nil {
		return err
	}
	there, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !strings.Contains(string(there), mark):
		return foreign(path)
	}
	return os.Remove(path)
}

func look(_ context.Context, p Plan) (State, error) {
	path, err := agentPath()
	if err != nil {
		return State{}, err
	}
	there, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	args, err := plistCommand(string(there))
	if err != nil {
		return State{}, err
	}
	return State{On: true, Method: LaunchAgent, Path: path, Command: strings.Join(args, " "), Current: slices.Equal(args, p.command())}, nil
}
