package order_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/order"
)

// A list comes out as package slices sorts it, equal elements in their order.
func TestStable(t *testing.T) {
	type element struct{ key, place int }
	byKey := func(a, b element) int { return cmp.Compare(a.key, b.key) }
	rapid.Check(t, func(t *rapid.T) {
		var list []element
		for i, key := range rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "keys") {
			list = append(list, element{key, i})
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, byKey)
		order.Stable(list, byKey)
		if !slices.Equal(list, want) {
			t.Fatalf("is %v, want %v", list, want)
		}
	})
}
