package desktop

import (
	"errors"
	"fmt"
	"net/url"
)

// ErrNoDesktop: there is no screen on which a browser could open.
var ErrNoDesktop = errors.New("there is no desktop here")

// Browse shows a page of the web in the user's browser, which the user asked
// for by signing in. It opens nothing but pages: no files, no programs.
func Browse(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("open the browser: %w", errNotAPage)
	}
	if !HasScreen() {
		return ErrNoDesktop
	}
	if err := show(u.String()); err != nil {
		return fmt.Errorf("open the browser: %w", err)
	}
	return nil
}

var errNotAPage = errors.New("this is not the address of a page")
