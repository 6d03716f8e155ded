package dashboard

import (
	"errors"

	"golang.org/x/sys/windows"
)

// A port that another program holds exclusively gives WSAEACCES.
func addressInUse(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
