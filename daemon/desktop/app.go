package desktop

import (
	"errors"
	"fmt"
	"net/url"
)

// ErrNoApp says that no browser is here that shows a page in a window of its own.
var ErrNoApp = errors.New("no browser of the Chromium family is installed")

// HasApp reports whether a browser is here that shows a page in a window of its own.
func HasApp() bool {
	_, ok := appBrowser()
	return ok
}

// OpenApp shows a page of this machine in a window of its own, without the bars of a
// browser. It needs a browser of the Chromium family, and returns ErrNoApp without one.
func OpenApp(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.User != nil || !isLocal(u.Hostname()) {
		return fmt.Errorf("open the window: %w", ErrForeign)
	}
	if err := showApp(u.String()); err != nil {
		return fmt.Errorf("open the window: %w", err)
	}
	return nil
}
