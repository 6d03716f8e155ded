package budget

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const bootTime = unix.CLOCK_BOOTTIME

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
