package absfake

import (
	"errors"
	"reflect"
	"runtime"
	"testing"
	"time"
)

func isLinux() bool { return runtime.GOOS == "linux" }

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Fault
	}{
		{"", nil},
		{" , ", nil},
		{"cut:4s", []Fault{{Kind: CutAfter, After: 4 * time.Second}}},
		{"cut:1MB", []Fault{{Kind: CutBytes, Bytes: 1_000_000}}},
		{"cut:64KiB", []Fault{{Kind: CutBytes, Bytes: 65536}}},
		{"cut:0", []Fault{{Kind: CutBytes}}},
		{"cut:5m", []Fault{{Kind: CutAfter, After: 5 * time.Minute}}},
		{"cut:5M", []Fault{{Kind: CutBytes, Bytes: 5_000_000}}},
		{"rate:300k", []Fault{{Kind: Rate, Bytes: 300_000}}},
		{"rate:1.5MB", []Fault{{Kind: Rate, Bytes: 1_500_000}}},
		{"lose", []Fault{{Kind: LoseAnswer, Path: "/auth/refresh"}}},
		{"lose:refresh:0.1", []Fault{{Kind: LoseAnswer, Path: "/auth/refresh", Probability: 0.1}}},
		{"lose:login:x2", []Fault{{Kind: LoseAnswer, Path: "/login", Times: 2}}},
		{"stall:10s:file", []Fault{{Kind: Stall, Path: "/api/items/*/file/*", After: 10 * time.Second}}},
		{"stall:64KiB:5s", []Fault{{Kind: Stall, Bytes: 65536, After: 5 * time.Second}}},
		{"502:10%,404:/api/me", []Fault{{Kind: Answer, Status: 502, Probability: 0.1}, {Kind: Answer, Status: 404, Path: "/api/me"}}},
		{"html:x1, redirect", []Fault{{Kind: Portal, Times: 1}, {Kind: Redirect}}},
		{"refuse:track", []Fault{{Kind: Refuse, Path: "/public/session/*/track/*"}}},
		{"restart:30s", []Fault{{Kind: Restart, After: 30 * time.Second}}},
		{"504:refresh:after", []Fault{{Kind: Answer, Status: 504, Path: "/auth/refresh", Handled: true}}},
		{"internal:x3", []Fault{{Kind: InternalAs401, Times: 3}}},
	} {
		got, err := ParseFaults(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, %v; want %+v", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{
		"cut", "cut:4s:1MB", "cut:", "cut:-4s", "rate", "rate:0", "rate:fast", "200", "600", "explode", "lose:x0", "lose:xtwice",
		"lose:0%", "lose:200%", "lose:1.5", "stall:nowhere", "cut:0s", "cut-bytes:1", "cut:99999999999999999999GB", "502:NaN%",
	} {
		if got, err := ParseFaults(bad); !errors.Is(err, ErrFault) {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}

func FuzzParseFaults(f *testing.F) {
	for _, seed := range []string{"cut:4s", "cut:1MB,lose:refresh:0.1", "stall:64KiB:5s:x3", "502:10%:/api/*", "rate:300k,restart:30s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		faults, err := ParseFaults(text)
		if err != nil {
			if !errors.Is(err, ErrFault) || faults != nil {
				t.Fatalf("%q: %v, %v", text, faults, err)
			}
			return
		}
		for _, f := range faults {
			if f.Bytes < 0 || f.After < 0 || f.Times < 0 || !(f.Probability >= 0 && f.Probability <= 1) {
				t.Fatalf("%q: %+v", text, f)
			}
			switch {
			case f.Kind == Rate && f.Bytes == 0, f.Kind == CutAfter && f.After == 0, f.Kind == "cut", f.Kind == Answer &&
				(f.Status < 400 || f.Status > 599):
				t.Fatalf("%q: %+v", text, f)
			}
		}
	})
}
