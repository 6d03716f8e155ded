package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// growthSizes are how much of something there is when a request is measured.
var growthSizes = []int{10, 100, 1000, 10_000}

// growthGoal is how much more the largest size may cost than the cheapest smaller one.
const growthGoal = 1.3

// growthRow is the CPU time of the daemon for one request.
type growthRow struct {
	Of      string  `json:"of"` // requests, items or grants
	N       int     `json:"n"`  // requests done before, items in the list, grants of the account
	CPU     float64 `json:"cpu_us"`
	PerItem float64 `json:"cpu_us_per_item,omitempty"`
}

// growthReport is what a run says.
type growthReport struct {
	Rounds int         `json:"rounds"`
	Load   float64     `json:"load"` // of the machine at the end, over a minute
	Rows   []growthRow `json:"rows"`

	// PeakFew and PeakMany are the most memory while as many bytes went through the
	// filter: in lists of 1,000 items, and in one list of 100,000.
	PeakFew  float64 `json:"peak_1000_items_mb"`
	PeakMany float64 `json:"peak_100000_items_mb"`

	// Start and StartLeast are from exec until the local address of every account takes
	// connections: the median of Starts, and the shortest. StartOne is for one account.
	Starts     int     `json:"starts"`
	Start      float64 `json:"start_50_accounts_1000_grants_ms"`
	StartLeast float64 `json:"start_50_accounts_1000_grants_least_ms"`
	StartOne   float64 `json:"start_1_account_ms"`

	RSSOne float64 `json:"rss_1_account_mb"`
	RSSTen float64 `json:"rss_10_accounts_mb"`

	Goals []goal `json:"goals"`
}

func newGrowth() *cobra.Command {
	var asJSON bool
	var rounds, starts int
	c := &cobra.Command{
		Use:   "growth",
		Short: "What more requests, items, grants and accounts cost",
		Long: `Measures the CPU time of the daemon for a request after 10 to 10,000 requests, for
lists of as many items, and with as many grants; its memory while 100,000 items pass
the filter; its start with 50 accounts and 1,000 grants; and the memory of ten
accounts. CPU times are the least of all rounds, since other work only adds to them.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runtime.GOOS != "linux" {
				return errors.New("growth reads /proc: it runs on Linux only")
			}
			r, err := measureGrowth(c.Context(), c.ErrOrStderr(), rounds, starts)
			if err != nil {
				return err
			}
			return r.print(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&rounds, "rounds", 5, "rounds to take the least of")
	c.Flags().IntVar(&starts, "starts", 11, "start-ups to take the median of")
	return c
}

func measureGrowth(ctx context.Context, progress io.Writer, rounds, starts int) (r growthReport, err error) {
	err = beforeOrigin(ctx, func(p prepared) error {
		g := growth{dir: p.dir, binary: filepath.Join(p.dir, "shelfkeeper"), origin: p.origin.HTTP, progress: progress}
		if err := buildProgram(ctx, g.binary); err != nil {
			return err
		}
		r.Rounds, r.Starts = rounds, starts
		for _, step := range []func(context.Context, *growthReport) error{g.requests, g.memory, g.starts, g.accounts} {
			if err := step(ctx, &r); err != nil {
				return err
			}
		}
		r.Goals = r.goals()
		r.Load, err = loadAverage()
		return err
	})
	return r, err
}

// loadAverage is how many processes waited for a processor over the last minute.
func loadAverage() (float64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	return strconv.ParseFloat(first, 64)
}

// grown is the cost at the largest size, of the least at any smaller one. What comes first
// costs more for other reasons: code that was never run, a connection that is new.
func (r growthReport) grown(of string) float64 {
	var costs []float64
	for _, x := range r.Rows {
		switch {
		case x.Of != of:
		case x.PerItem > 0:
			costs = append(costs, x.PerItem)
		default:
			costs = append(costs, x.CPU)
		}
	}
	if len(costs) < 2 {
		return 0
	}
	last := len(costs) - 1
	return costs[last] / slices.Min(costs[:last])
}

// eachAccount is what each further account takes, in MB.
func (r growthReport) eachAccount() float64 { return (r.RSSTen - r.RSSOne) / 9 }

func (r growthReport) goals() (out []goal) {
	atMost := func(name string, is, most float64) { out = append(out, goal{name, is, most, is <= most}) }
	atMost("CPU of a request after 10,000 requests, of the least before", r.grown("requests"), growthGoal)
	atMost("CPU of an item in a list of 10,000, of the least in shorter ones", r.grown("items"), growthGoal)
	atMost("CPU of a request with 10,000 grants, of the least with fewer", r.grown("grants"), growthGoal)
	atMost("peak memory with a list of 100,000 items, of that with lists of 1,000", r.PeakMany/r.PeakFew, growthGoal)
	atMost("exec to listening with 50 accounts and 1,000 grants, ms", r.Start, 100)
	atMost("MB of each of ten accounts", r.eachAccount(), 2)
	return out
}

func (r growthReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CPU of the daemon\t10\t100\t1,000\t10,000\t")
	for _, of := range []string{"requests", "items", "grants"} {
		fmt.Fprint(t, growthNames[of], "\t", strings.Join(r.cells(of), "\t"), "\t\n")
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "figure\tmeasured\tgoal\t")
	for _, g := range r.Goals {
		fmt.Fprintf(t, "%s\t%.2f\tat most %g\t\n", g.Name, g.Is, g.Goal)
	}
	return t.Flush()
}

// growthNames are the rows of the table.
var growthNames = map[string]string{
	"requests": "µs a request, so many done before",
	"items":    "µs an item, so many in the list",
	"grants":   "µs a request, so many grants",
}

// cells are the costs of a kind, the smallest size first.
func (r growthReport) cells(of string) (cells []string) {
	for _, x := range r.Rows {
		switch {
		case x.Of != of:
		case x.PerItem > 0:
			cells = append(cells, fmt.Sprintf("%.2f", x.PerItem))
		default:
			cells = append(cells, fmt.Sprintf("%.0f", x.CPU))
		}
	}
	return cells
}
