//go:build !linux

package control

const intruderEnv = "SHELFKEEPER_TEST_INTRUDER"

// intrude plays another user where a test can become one; see peer_linux_test.go.
func intrude(string) {}
