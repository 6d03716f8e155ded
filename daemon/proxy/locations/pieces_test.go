package locations

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// However the body comes, the result is the same, and little of it is held.
func TestAddressesInPieces(t *testing.T) {
	in := strings.Repeat("http://abs.example/x https://abs.example:1 //abs.example abs.example ", 2000)
	want := strings.Repeat("http://us/x https://abs.example:1 //abs.example abs.example ", 2000)
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)),
		"halves": iotest.HalfReader(strings.NewReader(in)), "with the end": iotest.DataErrReader(strings.NewReader(in)),
	} {
		a := &addresses{src: r, host: []byte("//abs.example"), ours: []byte("http://us")}
		got, err := io.ReadAll(a)
		if err != nil || string(got) != want {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(want), err)
		}
		if cap(a.buf) > 4*readSize {
			t.Errorf("%s: holds %d bytes", name, cap(a.buf))
		}
	}
}
