//go:build unix && !linux

package keychain

import "syscall"

// dieWithParent: no such signal here. The child ends with its one call.
func dieWithParent(*syscall.SysProcAttr) {}
