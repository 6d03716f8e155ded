package route

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// What a set rules out by its letters is what none of its routes fits.
func TestSetIsItsRoutes(t *testing.T) {
	words := []string{"", "api", "API", "ApI", "items", "ſet", "set", "SET", "\u212Aey", "key", ":id", "a", "q", "1", "é", "item", "*x", "/"}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = words[random.IntN(len(words))]
		}
		return "/" + strings.Join(parts, "/")
	}
	fits := 0
	for range 200_000 {
		var set Set
		list := ""
		for range 1 + random.IntN(3) {
			shape := pick(random.IntN(4))
			if strings.Contains(shape, "//") || strings.HasSuffix(shape, "/") && shape != "/" {
				continue
			}
			if random.IntN(3) == 0 {
				shape = strings.TrimSuffix(shape, "/") + "/*"
			}
			list += "ANY " + shape + "\n"
		}
		set = Parse(list)
		path := pick(random.IntN(5))
		want := false
		n := len(Segments(path))
		for line := range strings.Lines(list) {
			one := route{segments: Segments(strings.Fields(line)[1])}
			open := len(one.segments) > 0 && one.segments[len(one.segments)-1] == "*"
			if open {
				one.segments = one.segments[:len(one.segments)-1]
			}
			if n == len(one.segments) || open && n >= len(one.segments) {
				want = want || one.fits("GET", inner(path))
			}
		}
		if got := set.Matches("GET", path); got != want {
			t.Fatalf("%q in\n%s: %v", path, list, got)
		}
		if want {
			fits++
		}
	}
	if fits < 1000 {
		t.Errorf("only %d fit", fits)
	}
}
