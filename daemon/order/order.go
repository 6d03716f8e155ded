// Package order sorts lists by a comparison, with one compiled algorithm for all types.
//
// slices.SortFunc is compiled anew for each type of an element: about 25 kB of
// program each, and there were eighteen. Lists that a person sees are short, so it
// costs nothing to reach their elements through reflection. What is sorted for each
// request belongs to package slices.
package order

import "sort"

// Stable sorts list by compare. Equal elements keep their order.
func Stable[E any](list []E, compare func(a, b E) int) {
	sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}
