package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

// awakeDeadline bounds the question to logind: a rotation must not wait for a
// desktop that does not answer.
const awakeDeadline = time.Second

// inProgress is what logind says when the machine is already on its way to sleep
// or to be shut down (systemd: src/login/logind-dbus.c, method_inhibit).
const inProgress = "org.freedesktop.login1.OperationInProgress"

// StayAwake asks logind to delay a suspend or a shutdown until done is called, for
// up to the five seconds that it grants by default (InhibitDelayMaxSec). done is
// never nil and may be called once. ErrGoingDown means that one has been announced;
// any other error that nothing delays it, which machines without logind are used to.
func StayAwake(ctx context.Context, why string) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, awakeDeadline)
	defer cancel()
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return func() {}, fmt.Errorf("delay suspend: %w", err)
	}
	defer func() { _ = bus.Close() }() // the lock lives in the descriptor, not in the connection
	var lock dbus.UnixFD
	err = bus.Object("org.freedesktop.login1", "/org/freedesktop/login1").
		CallWithContext(ctx, "org.freedesktop.login1.Manager.Inhibit", dbus.FlagNoAutoStart, "sleep:shutdown", "Shelfkeeper", why,
			"delay").Store(&lock)
	var refused dbus.Error
	if errors.As(err, &refused) && refused.Name == inProgress {
		return func() {}, ErrGoingDown
	}
	if err != nil {
		return func() {}, fmt.Errorf("delay suspend: %w", err)
	}
	file := os.NewFile(uintptr(lock), "inhibitor")
	return func() { _ = file.Close() }, nil
}
