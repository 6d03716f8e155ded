package tokenfilter

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"shelfkeeper/daemon/redact"
)

func secrets(s ...string) func() []redact.Secret {
	var l []redact.Secret
	for _, v := range s {
		l = append(l, redact.New(v))
	}
	return func() []redact.Secret { return l }
}

func TestGuard(t *testing.T) {
	opaque := "opaque-secret-of-some-length-without-rare-letters"
	known := secrets(access, legacy, opaque, "short")
	for _, c := range []struct {
		desc, in, want string
		found          int
	}{
		{"clean", `{"a":"short","b":"` + others + `"}`, "", 0},
		{"empty", "", "", 0},
		{"one", "a" + access + "b", "ab", 1},
		{"all", access + "," + legacy + "," + opaque + access, ",,", 4},
		{"nearly", access[:len(access)-1] + "!", "", 0},
		{"nearly, then whole", access[:len(access)-1] + access, access[:len(access)-1], 1},
		{"ends like one", access[1:], "", 0},
		{"beyond a buffer", strings.Repeat("x", bufferSize-50) + access + strings.Repeat("y", bufferSize),
			strings.Repeat("x", bufferSize-50) + strings.Repeat("y", bufferSize), 1},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader,
		} {
			found := 0
			got := read(t, Guard(wrap(strings.NewReader(c.in)), known, func() { found++ }))
			if got != want || found != c.found {
				t.Errorf("%s: found %d, want %d", c.desc, found, c.found)
				differ(t, got, want)
			}
		}
	}
}

func TestGuardLearnsNewTokens(t *testing.T) {
	var now atomic.Pointer[[]redact.Secret]
	now.Store(new([]redact.Secret))
	pr, pw := io.Pipe()
	go func() {
		_, _ = pw.Write([]byte("first " + access))
		now.Store(&[]redact.Secret{redact.New(legacy)})
		_, _ = pw.Write([]byte(" then " + legacy))
		_ = pw.Close()
	}()
	got := read(t, Guard(pr, func() []redact.Secret { return *now.Load() }, func() {}))
	if want := "first " + access + " then "; got != want {
		t.Errorf("got %s", got)
	}
}

func TestGuardPassesErrors(t *testing.T) {
	boom := errors.New("boom")
	b, err := io.ReadAll(Guard(io.MultiReader(strings.NewReader("abc"+access[:9]), iotest.ErrReader(boom)), secrets(access), func() {}))
	if !errors.Is(err, boom) || string(b) != "abc" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestContains(t *testing.T) {
	known := secrets(access, "short")()
	if !Contains("x"+access, known) || Contains("short", known) || Contains(others, known) {
		t.Error("wrong")
	}
}
