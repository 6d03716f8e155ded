//go:build !windows && !darwin

package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// copier is a program that puts its input on the clipboard and goes on serving it
// in a process of its own.
type copier struct {
	screen string // the variable of the kind of screen that it is for
	argv   []string
}

var copiers = []copier{
	{"WAYLAND_DISPLAY", []string{"wl-copy"}},
	{"DISPLAY", []string{"xclip", "-in", "-selection", "clipboard"}},
	{"DISPLAY", []string{"xsel", "--input", "--clipboard"}},
}

// copyDeadline is how long such a program may take to hand its input on.
const copyDeadline = 5 * time.Second

// writeClipboard does here what atotto/clipboard does elsewhere, for two reasons.
// What serves the clipboard would belong to our process group and end with the
// tray, and the text with it. And that package looks for the screen when the
// program starts, which may be before there is one.
func writeClipboard(text string) error {
	adoptScreen()
	if !knowsScreen() {
		return ErrNoDesktop
	}
	for _, c := range copiers {
		if os.Getenv(c.screen) == "" {
			continue
		}
		path, err := exec.LookPath(c.argv[0])
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), copyDeadline)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, c.argv[1:]...)
		cmd.Stdin = strings.NewReader(text)
		cmd.WaitDelay = time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", c.argv[0], err)
		}
		return nil
	}
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		return errors.New("install wl-clipboard")
	}
	return errors.New("install xclip or xsel")
}
