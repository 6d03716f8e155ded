package proxy

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestOldTokenInPieces(t *testing.T) {
	in := strings.Repeat(`{"isOldToken":true,"isOldToken":false,"isOldToken":"isOld`, 2000)
	want := strings.ReplaceAll(in, string(oldToken), string(youngToken))
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)),
		"halves": iotest.HalfReader(strings.NewReader(in)), "with the end": iotest.DataErrReader(strings.NewReader(in)),
	} {
		if got, err := io.ReadAll(&youth{src: r}); err != nil || string(got) != want {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(want), err)
		}
		again := strings.NewReader(in)
		if got, err := io.ReadAll(iotest.OneByteReader(&youth{src: again})); err != nil || string(got) != want {
			t.Errorf("asked for single bytes: %d of %d bytes, %v", len(got), len(want), err)
		}
	}
	if _, err := io.ReadAll(&youth{src: iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(in)))}); err == nil {
		t.Error("a body that broke off looks whole")
	}
}
