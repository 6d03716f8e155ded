//go:build !linux

package playback

import "os/exec"

// endWithUs does nothing: this system does not end a program with another one.
func endWithUs(*exec.Cmd) (release func()) { return func() {} }
