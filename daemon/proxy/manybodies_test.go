package proxy

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Many bodies at once make the collector work harder, and the last of them lets it rest.
func TestManyBodiesAreFrugal(t *testing.T) {
	var ends []func()
	for range manyBodies {
		if bodies.wasteful != nil {
			t.Fatal("frugal with few bodies")
		}
		ends = append(ends, beginBody())
	}
	for i, end := range ends {
		if frugal := i < manyBodies/2; (bodies.wasteful != nil) != frugal {
			t.Fatalf("with %d bodies: frugal %v", manyBodies-i, bodies.wasteful != nil)
		}
		end()
	}
}

// The program is given back when bodies become many, and whenever they are twice as many.
// That many again soon after need it no more.
func TestManyBodiesGiveTheProgramBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies.last = time.Time{}
		play := func(n int) (given []int) {
			for i := range n {
				if manyBegin() {
					given = append(given, i+1)
				}
			}
			for range n {
				endBody()
			}
			if bodies.n != 0 || bodies.wasteful != nil || bodies.begun.Load() != 0 {
				t.Error("something is kept")
			}
			return given
		}
		for _, c := range []struct {
			n, after int
			want     []int
		}{
			{15, 10, nil},
			{100, 10, []int{16, 32, 64}},
			{100, 2, nil},
			{140, 2, []int{128}},
			{20, 10, []int{16}},
		} {
			time.Sleep(time.Duration(c.after) * time.Second)
			if got := play(c.n); !slices.Equal(got, c.want) {
				t.Errorf("%d bodies: given back at %v, want %v", c.n, got, c.want)
			}
		}
	})
}

// What the beginning of many bodies took is given back once, a second after the last of
// them began, by the first piece that passes then.
func TestManyBodiesHaveBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := func(n int) {
			for range n {
				manyBegin()
			}
		}
		due := func(desc string, want bool) {
			t.Helper()
			if got := haveBegun(); got != want {
				t.Errorf("%s: %v", desc, got)
			}
		}
		begin(manyBodies - 1)
		time.Sleep(2 * manyBegun)
		due("few", false)
		begin(1)
		due("just begun", false)
		time.Sleep(manyBegun / 2)
		begin(1)
		time.Sleep(manyBegun / 2)
		due("one more began", false)
		time.Sleep(manyBegun / 2)
		due("all have begun", true)
		due("once more", false)
		begin(1)
		for range manyBodies + 2 {
			endBody()
		}
		time.Sleep(2 * manyBegun)
		due("over", false)
	})
}
