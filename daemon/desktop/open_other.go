//go:build windows || darwin

package desktop

import (
	"io"
	"sync"

	"github.com/cli/browser"
)

// silence keeps what the browser says out of our output.
var silence = sync.OnceFunc(func() { browser.Stdout, browser.Stderr = io.Discard, io.Discard })

func show(address string) error {
	silence()
	return browser.OpenURL(address)
}
