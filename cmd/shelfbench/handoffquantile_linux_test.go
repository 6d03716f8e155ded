package main

import "testing"

func TestRowsOf(t *testing.T) {
	var trials []trial
	for i := range 20 {
		trials = append(trials, trial{event: "handoff", outcomes: map[string]outcome{
			ours: {recover: float64(i+1) / 10, identical: true}, npm: {recover: censored.Seconds(), disconnects: 1, identical: i != 3},
		}})
	}
	rows := rowsOf(trials)
	if len(rows) != 2 {
		t.Fatalf("%+v", rows)
	}
	if r := rows[0]; r.Client != ours || r.Rounds != 20 || r.P50 != 1 || r.P95 != 1.9 || r.Disconnects != 0 || !r.Identical {
		t.Errorf("%+v", r)
	}
	if r := rows[1]; r.Client != npm || r.P95 != 60 || r.Disconnects != 20 || r.Identical {
		t.Errorf("%+v", r)
	}
}
