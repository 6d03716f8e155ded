//go:build !windows && !darwin

package keychain

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestClassifyPlatform(t *testing.T) {
	for _, c := range []struct {
		err  error
		want opCode
	}{
		{dbus.Error{Name: "org.freedesktop.Secret.Error.IsLocked"}, opLocked},
		{&dbus.Error{Name: "org.freedesktop.DBus.Error.NoReply"}, opHanging},
		{dbus.Error{
			Name: "org.freedesktop.DBus.Error.NoReply",
			Body: []any{"Message recipient disconnected from message bus without replying"},
		}, opAbsent},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown"}, opAbsent},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.Spawn.ExecFailed"}, opAbsent},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.AccessDenied"}, opDenied},
		{fmt.Errorf("x: %w", dbus.ErrClosed), opAbsent},
		{io.EOF, opAbsent},
		{errors.New("failed to unlock correct collection '/x'"), opLocked},
		{errors.New("anything else"), opDenied},
	} {
		if got := classifyPlatform(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
}

func TestParseBusAddress(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	for in, want := range map[string]string{
		"unix:path=/run/user/7/bus":        "unix /run/user/7/bus",
		"unix:path=/a%20b,guid=0123":       "unix /a b",
		"unix:abstract=/tmp/dbus-x,guid=1": "unix @/tmp/dbus-x",
		"unix:runtime=yes":                 "unix /run/user/7/bus",
		"tcp:host=localhost,port=7,guid=1": "tcp localhost:7",
		"unixexec:path=/bin/sh":            "",
		"unix:tmpdir=/tmp":                 "",
		"unix:path=%zz":                    "",
		"":                                 "",
	} {
		network, target, err := parseBusAddress(in)
		if got := network + " " + target; want == "" && err == nil || want != "" && (err != nil || got != want) {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
}
