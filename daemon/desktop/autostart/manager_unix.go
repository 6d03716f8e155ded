//go:build !darwin && !windows

package autostart

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// managerDeadline bounds a question to systemd: a desktop that starts up keeps
// it busy for seconds.
const managerDeadline = 10 * time.Second

// manager is what the user's systemd says.
type manager struct {
	answers   bool
	graphical bool   // a desktop's session has reached its target
	why       string // it does not answer
}

// askManager asks the user's systemd. It starts none.
func askManager(ctx context.Context) manager {
	out, err := systemctl(ctx, "show", "--property=ActiveState", desktopTarget)
	if err != nil {
		return manager{why: err.Error()}
	}
	return manager{answers: true, graphical: value(out, "ActiveState") == "active"}
}

// reload makes the user's systemd read its units again.
func reload(ctx context.Context) error {
	_, err := systemctl(ctx, "daemon-reload")
	return err
}

func systemctl(ctx context.Context, args ...string) (string, error) {
	path, err := exec.LookPath("systemctl")
	if err != nil {
		return "", errors.New("there is no systemctl")
	}
	ctx, cancel := context.WithTimeout(ctx, managerDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"--user", "--no-ask-password"}, args...)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("systemctl --user %s: %w", args[0], ctx.Err())
	case errors.As(err, &exit):
		said, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("systemctl --user %s: %s", args[0], said)
	case err != nil:
		return "", fmt.Errorf("systemctl --user %s: %w", args[0], err)
	}
	return string(out), nil
}
