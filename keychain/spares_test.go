package keychain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

func TestSpares(t *testing.T) {
	var all []redact.Secret
	var r Record
	r.DropSpare()
	for i := range MostSpares + 1 {
		all = append(all, redact.New(fmt.Sprint(i)))
		r.AddSpare(all[i])
	}
	if got := r.Spares(); !slices.Equal(got, all[:MostSpares]) {
		t.Errorf("more than fit: %d", len(got))
	}
	for n := MostSpares - 1; n >= -1; n-- {
		if r.DropSpare(); len(r.Spares()) != max(0, n) || r.Spare.IsEmpty() != (n <= 0) {
			t.Errorf("%d spares, want %d", len(r.Spares()), n)
		}
	}
	r.AddSpare(all[3])
	if r.Spare != all[3] {
		t.Error("the only spare is not the first")
	}
}

// Three spares fit beside tokens of the length that Audiobookshelf makes; they
// are stored and read, and the first is where an older build looks for it.
func TestSparesAreStored(t *testing.T) {
	r := signedIn(Password{}, 290)
	for _, end := range []string{"1", "2", "3"} {
		r.AddSpare(redact.New(strings.Repeat("s", 289) + end))
		if err := CheckRoom(r); err != nil {
			t.Error(err)
		}
		e, err := encodeRecord(r, 1)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRecord(e.raw, r.Account)
		if err != nil || !slices.Equal(back.Spares(), r.Spares()) || back.Spare != r.Spare {
			t.Errorf("%d spares are read as %d, %v", len(r.Spares()), len(back.Spares()), err)
		}
		if strings.Contains(e.raw, `"packed":`) {
			t.Errorf("%d spares are packed, where an older build does not find them", len(r.Spares()))
		}
	}
	used := r
	used.Spare = redact.Secret{} // by an older build
	e, err := encodeRecord(used, 1)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := decodeRecord(e.raw, r.Account); err != nil || back.Spare != r.MoreSpares[0] || len(back.Spares()) != 2 {
		t.Errorf("after an older build used the first: %d, %v", len(back.Spares()), err)
	}
}
