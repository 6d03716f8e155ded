package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"shelfkeeper/daemon/players"
)

// What grows is compared with the cheapest that came before: the first is dear for other
// reasons, and must not hide a growth.
func TestGrowthIsOfTheLeastBefore(t *testing.T) {
	r := growthReport{Rows: []growthRow{
		{Of: "requests", N: 10, CPU: 400}, {Of: "requests", N: 100, CPU: 100}, {Of: "requests", N: 1000, CPU: 150},
		{Of: "items", N: 10, CPU: 100, PerItem: 10}, {Of: "items", N: 100, CPU: 200, PerItem: 2}, {Of: "items", N: 1000, CPU: 1000, PerItem: 1},
		{Of: "grants", N: 10, CPU: 100},
	}, PeakFew: 10, PeakMany: 14, Start: 100, RSSOne: 8, RSSTen: 27}
	for of, want := range map[string]float64{"requests": 1.5, "items": 0.5, "grants": 0} {
		if is := r.grown(of); math.Abs(is-want) > 1e-9 {
			t.Errorf("%s grow by %v, not %v", of, is, want)
		}
	}
	met := []bool{false, true, true, false, true, false}
	for i, g := range r.goals() {
		if g.Met != met[i] {
			t.Errorf("%s: %v of %v is said to be met: %v", g.Name, g.Is, g.Goal, g.Met)
		}
	}
}

// The copies are grants for the program, and the first one stays as it is.
func TestManyGrantsAreReadable(t *testing.T) {
	g := growthHome{program: program{dir: t.TempDir()}}
	path := filepath.Join(g.dir, "state", "shelfkeeper", "grants.json")
	made, err := players.OpenGrants(path)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := made.Add("home", players.FirstName, players.ScopeFull)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 10, 100} {
		if err := g.grants(n); err != nil {
			t.Fatalf("%d grants: %v", n, err)
		}
	}
	read, err := players.OpenGrants(path)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := read.Of("home", nil, nil).Caller(t.Context(), secret.Reveal()); err != nil || c.Scope != players.ScopeFull {
		t.Errorf("the first grant is not taken any more: %v, %v", c, err)
	}
	if err := read.Close(); err != nil {
		t.Error(err)
	}
	if err := g.grants(10); err == nil {
		t.Error("100 grants pass for 10")
	}
}

func TestCPUOfAProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the clock of another process is Linux's")
	}
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		after, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after > before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the clock stands at %v", after)
		}
	}
}
