package survival

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table writes the rows for people.
func (r *Report) Table(out io.Writer) error {
	fmt.Fprintf(out, "%d weeks, seeds %s; sums over the seeds, max_auth_10min is the largest\n", r.Weeks, numbers(r.Seeds))
	fmt.Fprint(out, explanation)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "release\taccount\tclient\trotations\tlost\tlosses_certain\tburned\tsign_ins\tsign_ins_certain\tpassword_logins\t"+
		"of_those_lost\tmax_auth_10min\tover_budget\tplayer_401\tplayer_errors\tof requests\twait_p95_ms\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
			row.Release, row.Account, row.Client, row.Rotations, row.RotationsLost, row.LossesCertain, row.SessionsBurned, row.SignIns,
			row.SignInsCertain, row.PasswordLogins, row.LoginsLost, row.MaxAuth, row.OverBudget, row.Player401, row.PlayerErrors,
			row.PlayerRequests, row.WaitP95)
	}
	return w.Flush()
}

// explanation says what is counted apart.
const explanation = `lost: rotations whose answer never became durable, whatever the client did
losses_certain: the same, because the script placed a crash or a sleep inside them; lost does not count them
sign_ins_certain: sign-ins by hand that follow from losses_certain alone; sign_ins does not count them
wait_p95_ms: what 95 in 100 first requests after ten minutes without any waited at most, of those that were served

`

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
