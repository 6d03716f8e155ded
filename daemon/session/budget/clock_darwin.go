package budget

import "golang.org/x/sys/unix"

// bootTime runs through sleep on this system.
const bootTime = unix.CLOCK_MONOTONIC

func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
