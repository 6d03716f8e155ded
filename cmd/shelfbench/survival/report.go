package survival

// Row is one client on one release with one kind of account, over all seeds.
type Row struct {
	Client  string `json:"client"`
	Account string `json:"account"`
	Release string `json:"release"`
	Count
	// OverBudget is how many runs took more than their share of the limit in
	// some ten minutes.
	OverBudget int `json:"over_budget"`
	Runs       int `json:"runs"`
}

// Report is the outcome of Play.
type Report struct {
	Weeks int      `json:"weeks"`
	Seeds []uint64 `json:"seeds"`
	Rows  []Row    `json:"rows"`
	Runs  []Run    `json:"runs"`
}

func newReport(o Options, runs []Run) *Report {
	r := &Report{Weeks: o.Weeks, Seeds: o.Seeds, Runs: runs}
	for _, run := range runs {
		last := len(r.Rows) - 1
		if last < 0 || r.Rows[last].Client != run.Client || r.Rows[last].Account != run.Account || r.Rows[last].Release != run.Release {
			r.Rows = append(r.Rows, Row{Client: run.Client, Account: run.Account, Release: run.Release})
			last++
		}
		row := &r.Rows[last]
		row.add(run.Count)
		row.Runs++
		if run.MaxAuth > run.Budget() {
			row.OverBudget++
		}
	}
	return r
}

// Row returns a client's row of a release, and whether there is one.
func (r *Report) Row(client, account, release string) (Row, bool) {
	for _, row := range r.Rows {
		if row.Client == client && row.Account == account && row.Release == release {
			return row, true
		}
	}
	return Row{}, false
}
