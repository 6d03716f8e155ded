package netmon

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
)

// watchLinks calls poke when the system tells of a change of interfaces,
// addresses or routes (iphlpapi). The callback lives as long as the process,
// which Go grants to some two thousand; a program needs one.
func watchLinks(ctx context.Context, poke func()) (err error) {
	called := windows.NewCallback(func(_, _, _ uintptr) uintptr {
		poke()
		return 0
	})
	var handles []windows.Handle
	defer func() {
		for _, h := range handles {
			err = errors.Join(err, windows.CancelMibChangeNotify2(h)) // waits for a call under way
		}
	}()
	var h windows.Handle
	if err := windows.NotifyUnicastIpAddressChange(windows.AF_UNSPEC, called, nil, false, &h); err != nil {
		return fmt.Errorf("watch addresses: %w", err)
	}
	handles = append(handles, h)
	if err := windows.NotifyIpInterfaceChange(windows.AF_UNSPEC, called, nil, false, &h); err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	handles = append(handles, h)
	if err := windows.NotifyRouteChange2(windows.AF_UNSPEC, called, nil, false, &h); err != nil {
		return fmt.Errorf("watch routes: %w", err)
	}
	handles = append(handles, h)
	<-ctx.Done()
	return ctx.Err()
}
