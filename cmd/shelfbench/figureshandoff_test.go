package main

import (
	"fmt"
	"strings"
	"testing"
)

// handoffTable shows a run without its timeline: jq -c 'del(.timeline)' takes it out.
func handoffTable(t *testing.T) string {
	var r struct {
		Rows []struct {
			Client      string
			Event       string
			Rounds      int
			P50         float64 `json:"recover_p50_s"`
			P95         float64 `json:"recover_p95_s"`
			Goal        float64 `json:"goal_p95_s"`
			Disconnects int     `json:"player_disconnects"`
			Identical   bool    `json:"stream_identical"`
		}
	}
	read(t, "handoff.json", &r)
	var b strings.Builder
	b.WriteString("| client | event | rounds | recovered, median | p95 | goal | player's disconnects | stream identical |\n" +
		"| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, x := range r.Rows {
		client, late, goal := x.Client, fmt.Sprintf("%.2f s", x.P95), ""
		if x.Goal > 0 {
			client, late, goal = "**"+client+"**", "**"+late+"**", fmt.Sprintf("%g s", x.Goal)
			if x.P95 > x.Goal {
				goal += ", missed"
			}
		}
		identical := map[bool]string{true: "yes", false: "no"}[x.Identical]
		row(&b, false, client, x.Event, fmt.Sprint(x.Rounds), fmt.Sprintf("%.2f s", x.P50), late, goal, fmt.Sprint(x.Disconnects), identical)
	}
	return b.String()
}
