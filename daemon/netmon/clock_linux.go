package netmon

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// detectsSleep is true, since CLOCK_BOOTTIME runs while the machine sleeps.
	detectsSleep = true
	// calmInterval is long, since the kernel reports jumps. The tick finds a process
	// that was stopped, whose connections tell that soon by themselves.
	calmInterval = 5 * time.Minute
	// tickInterval is for a kernel that reports none.
	tickInterval = 30 * time.Second
)

func readClocks() reading {
	now := time.Now()
	r := reading{wall: now.Round(0), mono: now.Sub(start)}
	r.boot = r.mono
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) == nil && unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) == nil {
		r.boot += time.Duration(boot.Nano() - mono.Nano())
	}
	return r
}

// watchClock calls signal when the wall clock is set and when the machine resumes
// (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), and only then.
func watchClock(ctx context.Context, signal func()) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("watch the clock: %w", err)
	}
	f := os.NewFile(uintptr(fd), "clock")
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer func() {
		if stop() {
			_ = f.Close()
		}
	}()
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("watch the clock: %w", err)
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: 1 << 40}}
	for {
		var set error
		err := raw.Control(func(fd uintptr) {
			set = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
		})
		if err != nil || set != nil {
			return fmt.Errorf("watch the clock: %w", firstError(set, err))
		}
		_, err = f.Read(make([]byte, 8))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !isCanceled(err) {
			return fmt.Errorf("watch the clock: %w", err)
		}
		signal()
	}
}
