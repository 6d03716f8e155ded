//go:build windows || darwin

package desktop

import "github.com/atotto/clipboard"

func writeClipboard(text string) error { return clipboard.WriteAll(text) }
