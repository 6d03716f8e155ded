//go:build !windows && !darwin

package desktop

import (
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// appBrowsers show a page as an app, by --app.
var appBrowsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser", "microsoft-edge",
	"microsoft-edge-stable", "vivaldi", "vivaldi-stable"}

// appStart is how long a browser may take to fail.
const appStart = time.Second

func appBrowser() (path string, ok bool) {
	for _, name := range appBrowsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

func showApp(address string) error {
	if !HasScreen() {
		return ErrNoDesktop
	}
	adoptScreen()
	path, ok := appBrowser()
	if !ok {
		return ErrNoApp
	}
	cmd := exec.Command(path, "--app="+address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it lives on without us
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1) // its goroutine ends with the browser, whose exit somebody has to collect
	go func() { ended <- cmd.Wait() }()
	timer := time.NewTimer(appStart)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return errors.Join(errors.New(filepath.Base(path)+" ended at once"), err)
		}
		return nil // it has handed the page to the one that runs
	case <-timer.C:
		return nil
	}
}
