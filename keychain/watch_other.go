//go:build windows || darwin

package keychain

import "context"

// Signals reports whether Watch hears of the platform's keychain at all.
const Signals = false

// Watch does nothing here: the keychain is there from the log-in to its end.
func Watch(context.Context, func()) {}
