package survival

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table writes the rows for people.
func (r *Report) Table(out io.Writer) error {
	fmt.Fprintf(out, "%d weeks, seeds %s; sums over the seeds, max_auth_10min is the largest\n\n", r.Weeks, numbers(r.Seeds))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "release\tclient\trotations\tlost\tburned\tsign_ins\tpassword_logins\tof_those_lost\t"+
		"max_auth_10min\tover_budget\tplayer_401\tplayer_errors\tof requests\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
			row.Release, row.Client, row.Rotations, row.RotationsLost, row.SessionsBurned, row.SignIns, row.PasswordLogins, row.LoginsLost,
			row.MaxAuth, row.OverBudget, row.Player401, row.PlayerErrors, row.PlayerRequests)
	}
	return w.Flush()
}

// numbers writes ascending numbers shortly: 1-20, 30.
func numbers(list []uint64) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if part := fmt.Sprint(list[i]); j > i {
			parts = append(parts, fmt.Sprintf("%s-%d", part, list[j]))
		} else {
			parts = append(parts, part)
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// Missed names each run in which Shelfkeeper missed a goal; nil if none did.
func (r *Report) Missed() error {
	var missed []error
	for _, run := range r.Runs {
		if run.Client != "shelfkeeper" {
			continue
		}
		for _, goal := range []struct {
			kept bool
			what string
		}{
			{run.SignIns == 0, fmt.Sprintf("%d sign-ins by hand", run.SignIns)},
			{run.Player401 == 0, fmt.Sprintf("%d times 401 for a player", run.Player401)},
			{run.PasswordLogins == run.RotationsLost+run.LoginsLost,
				fmt.Sprintf("%d password logins for %d lost rotations and %d lost answers to such logins",
					run.PasswordLogins, run.RotationsLost, run.LoginsLost)},
			{run.MaxAuth <= run.Budget(), fmt.Sprintf("%d auth requests in ten minutes, its share is %d", run.MaxAuth, run.Budget())},
		} {
			if !goal.kept {
				missed = append(missed, fmt.Errorf("goal missed on %s with seed %d: %s", run.Release, run.Seed, goal.what))
			}
		}
	}
	return errors.Join(missed...)
}
