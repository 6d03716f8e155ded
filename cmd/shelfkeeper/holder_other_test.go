//go:build !linux

package main

// holder is not known where the system does not tell.
func holder() string { return "another program" }
