//go:build !linux

package memory

// releaseProgramFile does nothing: other systems count the pages of a program file for
// all processes together, or take them back by themselves.
func releaseProgramFile() {}
