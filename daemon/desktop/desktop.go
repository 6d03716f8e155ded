// Package desktop asks the user's desktop for small services. It shows a page
// in the browser, puts a text on the clipboard, and brings back the address at
// which a sign-in in the browser ends.
//
// It exists so that its callers need not know which desktop it is. It never waits
// for a program with which the user goes on working. It passes on addresses of
// this machine and the page of a sign-in, and nothing else.
package desktop

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
)

// ErrForeign is the error of opening a page of another machine: what a menu opens
// must not depend on what a server says.
var ErrForeign = errors.New("only addresses of this machine are opened")

// Open shows a page of this machine in the user's browser.
func Open(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.User != nil || !isLocal(u.Hostname()) {
		return fmt.Errorf("open the browser: %w", ErrForeign)
	}
	if err := show(u.String()); err != nil {
		return fmt.Errorf("open the browser: %w", err)
	}
	return nil
}

func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Copy puts text on the clipboard, where it stays when the program ends. On Linux
// it needs wl-copy, xclip or xsel and says so when none is there.
func Copy(text string) error {
	if err := writeClipboard(text); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}
