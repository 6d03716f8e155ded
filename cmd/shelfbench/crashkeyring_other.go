//go:build !linux

package main

import "testing"

func keyringEnv(t *testing.T) []string {
	t.Fatal("a throwaway gnome-keyring exists on Linux only: use --vault file")
	return nil
}
