package main

import (
	"strings"
	"testing"

	"shelfkeeper/keychain/keyringtest"
)

// keyringEnv starts a gnome-keyring of its own, which ends with t, and returns
// what leads to it.
func keyringEnv(t *testing.T) (env []string) {
	for _, e := range keyringtest.Start(t, keyringtest.Options{}).Env() {
		if strings.HasPrefix(e, "DBUS_SESSION_BUS_ADDRESS=") {
			env = append(env, e)
		}
	}
	return env
}
