//go:build !linux

package control

// watchFile tells nothing here: the file is looked at on other occasions.
func watchFile(string) (gone <-chan struct{}, stop func()) { return nil, func() {} }
