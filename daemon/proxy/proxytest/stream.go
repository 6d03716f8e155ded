package proxytest

import (
	"math/rand/v2"
)

// Media is bytes that a stream test can tell apart.
func Media(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}
