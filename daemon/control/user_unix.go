//go:build !windows

package control

import (
	"os"
	"strconv"
)

// currentUser is the user we run as.
func currentUser() string { return strconv.Itoa(os.Geteuid()) }
