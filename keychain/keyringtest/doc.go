// Package keyringtest starts a real gnome-keyring on a session bus of its own,
// in a throwaway home, for tests. It exists because the keychain's ways to fail
// (killed while it writes, locked with a prompt on the screen, its bus gone)
// cannot be imitated faithfully. It never touches the user's own bus or keyring.
//
// It needs dbus-daemon and gnome-keyring-daemon, for prompts Xvfb and gcr-prompter
// as well (Debian: dbus, gnome-keyring, xvfb, gcr), and exists on Linux only.
package keyringtest
