package main

import (
	"reflect"
	"testing"
)

func TestParseSeeds(t *testing.T) {
	for text, want := range map[string][]uint64{
		"1-3":    {1, 2, 3},
		"7":      {7},
		"9, 3-4": {9, 3, 4},
		"":       nil, "x": nil, "3-1": nil, "-1": nil, "1-99999999": nil, "1,": nil,
	} {
		got, err := parseSeeds(text)
		if !reflect.DeepEqual(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := rotating([]string{"2.25.1"}); err == nil {
		t.Error("a release without rotations was taken")
	}
}
