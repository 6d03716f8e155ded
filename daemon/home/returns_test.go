package home

import (
	"context"
	"errors"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
)

// Two commands wait for a browser at the same time, without a daemon. Each has a socket
// of its own, and the newest comes first.
func TestTwoCommandsWaitForABrowser(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	stopFirst, err := h.AwaitReturns()
	if err != nil {
		t.Fatal(err)
	}
	first := ReturnPaths(h.Paths)
	stopSecond, err := h.AwaitReturns()
	if err != nil {
		t.Fatal(err)
	}
	both := ReturnPaths(h.Paths)
	if len(first) != 1 || len(both) != 2 || both[0] == first[0] {
		t.Fatalf("%q, then %q", first, both)
	}
	for _, path := range both {
		var p *problem.Problem
		if err := control.Dial(path).ReturnOpenID(context.Background(), "audiobookshelf://oauth?code=1&state=2"); !errors.As(err, &p) ||
			p.Code != problem.Usage {
			t.Errorf("%s: %v", path, err)
		}
	}
	stopFirst()
	if left := ReturnPaths(h.Paths); len(left) != 1 || left[0] != both[0] {
		t.Errorf("left: %q", left)
	}
	stopSecond()
	if left := ReturnPaths(h.Paths); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}
