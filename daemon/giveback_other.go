//go:build !linux

package daemon

// releaseProgramFile does nothing: other systems count the pages of a program file for
// all processes together, or take them back by themselves.
func releaseProgramFile() {}
