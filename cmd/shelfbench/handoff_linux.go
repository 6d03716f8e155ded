package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// modulesVar names the folder with node_modules that holds socket.io-client.
const modulesVar = "SHELFKEEPER_NODE"

// selfEnv is for children that are this program; tests add to it.
var selfEnv []string

// handoffReport is what the run says.
type handoffReport struct {
	Rounds   int           `json:"rounds"`
	Rows     []handoffRow  `json:"rows"`
	Timeline []eventRecord `json:"timeline"`
}

type handoffRow struct {
	Client      string  `json:"client"`
	Event       string  `json:"event"`
	Rounds      int     `json:"rounds"`
	P50         float64 `json:"recover_p50_s"`
	P95         float64 `json:"recover_p95_s"`
	Goal        float64 `json:"goal_p95_s,omitempty"`          // of shelfkeeper
	Silent      float64 `json:"stream_silent_p95_s,omitempty"` // of shelfkeeper: the longest time without a byte
	Disconnects int     `json:"player_disconnects"`
	Identical   bool    `json:"stream_identical"`
}

func newHandoff() *cobra.Command {
	var asJSON bool
	var rounds, parallel int
	var svg, from, only string
	c := &cobra.Command{
		Use:   "handoff",
		Short: "What clients notice of networks that change, vanish and come back",
		Long: `Puts a server, a daemon with a player, and two clients without Shelfkeeper into
network namespaces with two links, lets things happen to the links, and measures
how long it takes until events arrive again. Needs root, iproute2, nftables,
node, and socket.io-client in the folder that ` + modulesVar + ` names.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var r handoffReport
			if from != "" {
				raw, err := os.ReadFile(from)
				if err == nil {
					err = json.Unmarshal(raw, &r)
				}
				if err != nil {
					return err
				}
			} else {
				var err error
				if r, err = measureHandoff(c.Context(), rounds, parallel, only); err != nil {
					// What was measured until then is still true.
					return errors.Join(err, r.print(c.OutOrStdout(), asJSON))
				}
			}
			if svg != "" {
				if err := os.WriteFile(svg, drawTimeline(r.Timeline), 0o644); err != nil {
					return err
				}
			}
			return r.print(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&rounds, "rounds", 20, "how often each event happens")
	c.Flags().IntVar(&parallel, "parallel", 1, "how many rigs share the rounds; more than one needs a fast machine")
	c.Flags().StringVar(&only, "only", "", "let this `event` happen alone")
	c.Flags().StringVar(&svg, "svg", "", "write the timeline of the first round to this `file`")
	c.Flags().StringVar(&from, "from", "", "show the JSON of an earlier run from this `file`")
	return c
}

// needs says what is missing for a run, nil if nothing is.
func needs() error {
	var missing []error
	if os.Getuid() != 0 {
		missing = append(missing, errors.New("root"))
	}
	for _, tool := range []string{"ip", "ss", "nft", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, err)
		}
	}
	modules := os.Getenv(modulesVar)
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "socket.io-client")); modules == "" || err != nil {
		missing = append(missing, fmt.Errorf(
			"%s does not name a folder with socket.io-client: npm install --prefix FOLDER socket.io-client@4", modulesVar))
	}
	return errors.Join(missing...)
}

func measureHandoff(ctx context.Context, rounds, parallel int, only string) (r handoffReport, err error) {
	if err := needs(); err != nil {
		return r, fmt.Errorf("handoff needs: %w", err)
	}
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := buildShelfkeeper(ctx, dir)
	if err != nil {
		return r, err
	}
	var g errgroup.Group
	found := make([][]trial, parallel)
	for i := range parallel {
		g.Go(func() error {
			w, err := startWorld(ctx, setting{name: fmt.Sprintf("sk%s-%d", nameOfRun(), i), program: binary, modules: os.Getenv(modulesVar)})
			if err != nil {
				return err
			}
			for n := i; n < rounds; n += parallel {
				for _, e := range handoffEvents {
					if only != "" && only != e.name {
						continue
					}
					t, err := w.happen(ctx, e)
					if err != nil {
						return errors.Join(fmt.Errorf("%s in round %d: %w", e.name, n+1, err), w.close())
					}
					if n == 0 {
						r.Timeline = append(r.Timeline, w.record(t))
					}
					found[i] = append(found[i], t)
				}
			}
			return w.close()
		})
	}
	err = g.Wait()
	r.Rounds = rounds
	r.Rows = rowsOf(slices.Concat(found...))
	return r, err
}

// rowsOf sums trials up, a row for each client and event.
func rowsOf(trials []trial) (rows []handoffRow) {
	for _, client := range []string{ours, npm, simple} {
		for _, e := range handoffEvents {
			row := handoffRow{Client: client, Event: e.name, Identical: true}
			var times, silences []float64
			for _, t := range trials {
				o, ok := t.outcomes[client]
				if t.event != e.name || !ok {
					continue
				}
				row.Rounds++
				row.Disconnects += o.disconnects
				row.Identical = row.Identical && o.identical
				times = append(times, o.recover)
				silences = append(silences, t.silence())
			}
			if row.Rounds > 0 {
				if client == ours {
					row.Goal, row.Silent = e.goal, quantile(silences, 0.95)
				}
				row.P50, row.P95 = quantile(times, 0.5), quantile(times, 0.95)
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// quantile is by nearest rank, rounded to a hundredth.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	rank := max(1, int(math.Ceil(q*float64(len(sorted)))))
	return math.Round(sorted[rank-1]*100) / 100
}

func (r handoffReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "client\tevent\trounds\trecovered, median\tp95\tgoal p95\tstream silent, p95\tplayer's disconnects\tstream identical\n")
	for _, row := range r.Rows {
		goal, silent := "", ""
		if row.Goal > 0 {
			goal, silent = fmt.Sprintf("%g s", row.Goal), seconds(row.Silent)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%v\n",
			row.Client, row.Event, row.Rounds, seconds(row.P50), seconds(row.P95), goal, silent, row.Disconnects, row.Identical)
	}
	return t.Flush()
}

func seconds(s float64) string {
	if s >= censored.Seconds() {
		return "over 60 s"
	}
	return fmt.Sprintf("%.2f s", s)
}
