package conformance

import (
	"fmt"
	"slices"
)

// Row counts the cases of one group of a recording.
type Row struct {
	Release  string `json:"release"`
	Group    string `json:"group"`
	Cases    int    `json:"cases"`    // recorded
	Replayed int    `json:"replayed"` // all but the exceptions
	Equal    int    `json:"equal"`    // of those, the ones without a difference
}

// Difference is a case in which the double is not like the server.
type Difference struct {
	Release string   `json:"release"`
	Group   string   `json:"group"`
	Name    string   `json:"name"`
	Words   []string `json:"words"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s %s: %s", d.Release, d.Name, d.Words[0])
}

// Excepted is a case that was not replayed, and why.
type Excepted struct {
	Release string `json:"release"`
	Name    string `json:"name"`
	Reason  string `json:"reason"`
}

// Report is the outcome of a replay.
type Report struct {
	Rows        []Row        `json:"rows"`
	Differences []Difference `json:"differences"`
	Exceptions  []Excepted   `json:"exceptions"`
}

// Share is how many of all recorded cases of a release were replayed and equal,
// between 0 and 1.
func (r *Report) Share(release string) float64 {
	cases, equal := 0, 0
	for _, row := range r.Rows {
		if row.Release == release {
			cases, equal = cases+row.Cases, equal+row.Equal
		}
	}
	if cases == 0 {
		return 0
	}
	return float64(equal) / float64(cases)
}

// Releases lists the releases of the report in order.
func (r *Report) Releases() []string {
	var out []string
	for _, row := range r.Rows {
		if !slices.Contains(out, row.Release) {
			out = append(out, row.Release)
		}
	}
	return out
}
