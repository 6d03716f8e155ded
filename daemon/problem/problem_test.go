package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestProblem(t *testing.T) {
	p := Newf(Vault, "unlock it", "open: %w", fs.ErrPermission)
	wrapped := fmt.Errorf("login: %w", p)
	if got := Of(wrapped); got != p || !errors.Is(wrapped, fs.ErrPermission) {
		t.Errorf("got %v", got)
	}
	if got := Of(fs.ErrClosed); got.Code != Other || got.Text != fs.ErrClosed.Error() || !errors.Is(got, fs.ErrClosed) {
		t.Errorf("got %+v", got)
	}
	if Of(nil) != nil {
		t.Error("nil must stay nil")
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var far Problem
	if err := json.Unmarshal(b, &far); err != nil || far.Code != Vault || far.Error() != p.Error() || far.Remedy != "unlock it" ||
		far.Unwrap() != nil {
		t.Errorf("over a socket: %+v, %v", far, err)
	}
}
