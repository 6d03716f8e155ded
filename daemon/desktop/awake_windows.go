package desktop

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32           = windows.NewLazySystemDLL("kernel32.dll")
	powerCreateRequest = kernel32.NewProc("PowerCreateRequest")
	powerSetRequest    = kernel32.NewProc("PowerSetRequest")
)

// Values of winnt.h and minwinbase.h.
const (
	powerRequestContextVersion      = 0
	powerRequestContextSimpleString = 1
	powerRequestSystemRequired      = 1
	powerRequestExecutionRequired   = 3
)

// reasonContext is REASON_CONTEXT with a simple string. The union in it is as large
// as that of its other part: a module, an id, a count and a list.
type reasonContext struct {
	version uint32
	flags   uint32
	reason  *uint16
	_       [2]uint32
	_       uintptr
}

// StayAwake keeps the machine from sleeping when it is idle until done is called.
// done is never nil and may be called more than once. Nothing delays a sleep that
// the user asks for, which Windows lets no program delay, or a shutdown:
// ShutdownBlockReasonCreate needs a window.
func StayAwake(_ context.Context, why string) (done func(), err error) {
	text, err := windows.UTF16PtrFromString(why)
	if err != nil {
		return func() {}, fmt.Errorf("delay suspend: %w", err)
	}
	reason := reasonContext{version: powerRequestContextVersion, flags: powerRequestContextSimpleString, reason: text}
	handle, _, err := powerCreateRequest.Call(uintptr(unsafe.Pointer(&reason)))
	if windows.Handle(handle) == windows.InvalidHandle {
		return func() {}, fmt.Errorf("delay suspend: %w", err)
	}
	release := sync.OnceFunc(func() { _ = windows.CloseHandle(windows.Handle(handle)) }) // which ends the request
	// The second keeps a machine with modern standby from stopping this process.
	for _, kind := range []uintptr{powerRequestSystemRequired, powerRequestExecutionRequired} {
		if ok, _, err := powerSetRequest.Call(handle, kind); ok == 0 && kind == powerRequestSystemRequired {
			release()
			return func() {}, fmt.Errorf("delay suspend: %w", err)
		}
	}
	return release, nil
}
