package netmon

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
)

// watchLinks calls signal when the system reports a change of interfaces,
// addresses or routes (iphlpapi). The callback is never freed. Go allows some two
// thousand of them, and a program needs one.
func watchLinks(ctx context.Context, signal func()) (err error) {
	called := windows.NewCallback(func(_, _, _ uintptr) uintptr {
		signal()
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
