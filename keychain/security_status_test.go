package keychain

import "testing"

// The numbers are those of Apple's SecBase.h.
func TestSecurityStatus(t *testing.T) {
	for osstatus, want := range map[int]opCode{
		-25308: opLocked, -25300: opNotFound, -25307: opAbsent, -25294: opAbsent, -25291: opAbsent,
		-25293: opDenied, -25292: opDenied, -128: opDenied, 1: opDenied, 2: opDenied,
	} {
		if got := securityStatus(osstatus & 0xff); got != want {
			t.Errorf("%d, status %d: %s, want %s", osstatus, osstatus&0xff, got, want)
		}
	}
}
