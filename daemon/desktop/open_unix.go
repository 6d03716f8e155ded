//go:build !windows && !darwin

package desktop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// openers are the programs that show a page, the desktops' own first.
var openers = []string{"xdg-open", "x-www-browser", "www-browser", "wslview"}

// openDeadline is how long an opener may take to hand the page on; some stay
// as long as the browser does, and then it is in order to leave them alone.
const openDeadline = 10 * time.Second

// openerError says what the exit code of an opener means; xdg-open documents its.
func openerError(name string, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch {
	case name == "xdg-open" && exit.ExitCode() == 3:
		return errors.New("xdg-open finds no browser")
	case name == "xdg-open" && exit.ExitCode() == 4:
		return errors.New("xdg-open could not start the browser")
	}
	return fmt.Errorf("%s failed (%w)", name, err)
}

// show does here what cli/browser does elsewhere, since a browser that is the
// first to be started belongs to our process group otherwise, and would end
// with the tray.
func show(address string) error {
	adoptScreen()
	for _, name := range openers {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		cmd := exec.Command(path, address)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), openDeadline)
		defer cancel()
		ended := make(chan error, 1) // its goroutine ends with the opener, whose exit somebody has to collect
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			return openerError(name, err)
		case <-ctx.Done():
			return nil // it is the browser itself, and lives on
		}
	}
	return errors.New("install xdg-utils, or open the address by hand")
}
