package accounts

import (
	"errors"
	"testing"
)

func TestSetPort(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	b := open(t, dir)
	taken := map[int]bool{13379: true, 13382: true}
	usable := func(port int) bool { return !taken[port] }
	first, err := b.Add(ctx, sample("first"), 0, usable)
	if err != nil || first.Port != 13381 {
		t.Fatalf("a first account where 13379 is taken: %+v, %v", first, err)
	}
	second, err := b.Add(ctx, sample("second"), 0, usable)
	if err != nil || second.Port != 13383 {
		t.Fatalf("a second account where 13382 is taken: %+v, %v", second, err)
	}
	for _, c := range []struct {
		name       string
		port, want int
		err        error
	}{
		{"first", 14000, 14000, nil},
		{"first", 14000, 14000, nil},
		{"first", 13382, 13382, nil}, // whether it can be opened is asked before
		{"first", 0, 13381, nil},
		{"second", 13381, 0, ErrPort},
		{"second", StatusPort, 0, ErrInvalid},
		{"second", 70000, 0, ErrInvalid},
		{"third", 14000, 0, ErrNotFound},
	} {
		got, err := b.SetPort(ctx, c.name, c.port, usable)
		if !errors.Is(err, c.err) || err == nil && got.Port != c.want {
			t.Errorf("%s to %d: %+v, %v", c.name, c.port, got, err)
		}
	}
	again := open(t, dir)
	if a, _ := again.Get("first"); a.Port != 13381 || a.CreatedAt != first.CreatedAt || a.UserID != first.UserID {
		t.Errorf("read back %+v, was %+v", a, first)
	}
	if a, _ := again.Get("second"); a != second {
		t.Errorf("read back %+v, was %+v", a, second)
	}
	if got := again.NextPort(0, usable); got != 13384 {
		t.Errorf("the next port is %d", got)
	}
}
