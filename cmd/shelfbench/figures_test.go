package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/cmd/shelfbench/survival"
)

var update = flag.Bool("update", false, "write the tables of the documentation anew, from docs/data")

// tables make the tables of the documentation from the JSON that the commands
// print. The files in docs/data hold it.
var tables = map[string]func(t *testing.T) string{
	"survival":  survivalTable,
	"compare":   compareTable,
	"wan":       wanTable,
	"wan-line":  wanSentence,
	"proxy":     proxyTable,
	"goals":     goalsTable,
	"crash":     crashTable,
	"footprint": footprintTable,
	"handoff":   handoffTable,
	"parts":     partsTable,
	"growth":    growthTable,
}

var figures = regexp.MustCompile(`(?s)(<!-- figures: ([a-z-]+) -->\n)(.*?)(<!-- end of figures -->\n)`)

// No table of figures differs from the run that it shows. After a new run:
//
//	go run ./cmd/shelfbench wan --json > docs/data/wan.json
//	go test ./cmd/shelfbench -run Figures -update
func TestFiguresAreThoseOfTheRuns(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		want := figures.ReplaceAllStringFunc(string(text), func(block string) string {
			m := figures.FindStringSubmatch(block)
			table := tables[m[2]]
			if table == nil {
				t.Errorf("%s: there are no figures called %s", page, m[2])
				return block
			}
			shown[m[2]] = true
			return m[1] + table(t) + m[4]
		})
		if want == string(text) {
			continue
		}
		if !*update {
			t.Errorf("%s does not show the figures of docs/data: run this test with -update", page)
		} else if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name := range tables {
		if !shown[name] {
			t.Errorf("no page shows the figures %s", name)
		}
	}
}

// read decodes a run.
func read(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "data", name))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// row writes cells; strong ones in bold.
func row(b *strings.Builder, strong bool, cells ...string) {
	for _, c := range cells {
		if strong && c != "" {
			c = "**" + c + "**"
		}
		b.WriteString("| " + c + " ")
	}
	b.WriteString("|\n")
}

func thousands[N int | int64](n N) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func partsTable(t *testing.T) string {
	var f footprint
	read(t, "footprint-parts.json", &f)
	var b strings.Builder
	b.WriteString("| part of the binary | MB |\n| --- | ---: |\n")
	for _, p := range f.Parts {
		row(&b, false, p.Name, fmt.Sprintf("%.2f", float64(p.Bytes)/1e6))
	}
	return b.String()
}

// survivalReport is a run without its single weeks, which would fill the file:
// jq 'del(.runs)' takes them out.
func survivalReport(t *testing.T) *survival.Report {
	t.Helper()
	var r survival.Report
	read(t, "survival.json", &r)
	return &r
}

func survivalTable(t *testing.T) string {
	r := survivalReport(t)
	var b strings.Builder
	fmt.Fprintf(&b, "Sums over %d seeds, %d weeks each. All counts are the server's own; the last four columns are what players were "+
		"answered.\n\n",
		len(r.Seeds), r.Weeks)
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// compareTable is the README's: one release, the account with a password.
func compareTable(t *testing.T) string {
	const release = "2.33.2"
	r := survivalReport(t)
	if r.Weeks != 5 || len(r.Seeds) != 20 {
		t.Errorf("README.md speaks of five weeks twenty times over, not of %d and %d", r.Weeks, len(r.Seeds))
	}
	var b strings.Builder
	b.WriteString("| client | sign-ins by hand | passwords sent | 401 for players | other errors |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, c := range [][2]string{{"native", "the mobile app's rules"}, {"browser", "the web page's rules"},
		{"relogin", "refresh, else the stored password"}, {"shelfkeeper", "Shelfkeeper"}} {
		x, ok := r.Row(c[0], survival.Password, release)
		if !ok {
			t.Fatalf("no row of %s", c[0])
		}
		row(&b, c[0] == "shelfkeeper", c[1], thousands(x.SignIns+x.SignInsCertain), thousands(x.PasswordLogins), thousands(x.Player401),
			thousands(x.PlayerErrors))
	}
	return b.String()
}

func proxyTable(t *testing.T) string {
	var r proxyReport
	read(t, "proxy.json", &r)
	var b strings.Builder
	b.WriteString("| via | upstream | p50 | p99 | requests/s, 32 at once | stream | MB, 64 streams | MB, 256 streams | 20 MB of JSON |\n" +
		"| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, x := range r.Rows {
		memory := func(mb float64) string {
			if mb == 0 {
				return "–"
			}
			return fmt.Sprintf("%.1f", mb)
		}
		row(&b, x.Via == "shelfkeeper", x.Via, x.Upstream, fmt.Sprintf("%.0f µs", x.P50), fmt.Sprintf("%.0f µs", x.P99),
			thousands(int64(x.RPS32+0.5)), thousands(int64(x.Stream+0.5))+" MB/s", memory(x.RSS64), memory(x.RSS256),
			thousands(int64(x.JSON+0.5))+" MB/s")
	}
	return b.String()
}

func goalsTable(t *testing.T) string {
	var r proxyReport
	read(t, "proxy.json", &r)
	return goalRows(r.Goals)
}

func goalRows(goals []goal) string {
	var b strings.Builder
	b.WriteString("| goal | measured | wanted | |\n| --- | ---: | ---: | --- |\n")
	for _, g := range goals {
		met := "met"
		if !g.Met {
			met = "missed"
		}
		row(&b, false, g.Name, fmt.Sprintf("%.2f", g.Is), fmt.Sprintf("%g", g.Goal), met)
	}
	return b.String()
}

// crashTable has both vaults of a release in one row.
func crashTable(t *testing.T) string {
	var r struct {
		Rows []crashRow `json:"rows"`
	}
	read(t, "crash.json", &r)
	var b strings.Builder
	b.WriteString("| release | kills | rotations | answers lost | sessions lost | passwords sent | of these cut off | user needed | 401 " +
		"to players |\n" +
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	var order []string
	sums := map[string]*crashRow{}
	for _, x := range r.Rows {
		name := string(x.Release)
		if sums[name] == nil {
			sums[name] = &crashRow{}
			order = append(order, name)
		}
		s := sums[name]
		s.Kills += x.Kills
		s.Rotations += x.Rotations
		s.AnswersLost += x.AnswersLost
		s.SessionsLost += x.SessionsLost
		s.SignIns += x.SignIns
		s.SignInsLost += x.SignInsLost
		s.NeedsUser += x.NeedsUser
		s.Player401 += x.Player401
		s.PlayerRequests += x.PlayerRequests
	}
	for _, name := range order {
		s := sums[name]
		row(&b, false, name, thousands(s.Kills), thousands(s.Rotations), thousands(s.AnswersLost), thousands(s.SessionsLost),
			thousands(s.SignIns),
			thousands(s.SignInsLost), thousands(s.NeedsUser), fmt.Sprintf("%d of %s", s.Player401, thousands(s.PlayerRequests)))
	}
	return b.String()
}

func footprintTable(t *testing.T) string {
	var f footprint
	read(t, "footprint.json", &f)
	var b strings.Builder
	b.WriteString("```\n")
	if err := f.print(&b, false); err != nil {
		t.Fatal(err)
	}
	b.WriteString("```\n")
	return b.String()
}

func growthTable(t *testing.T) string {
	var r growthReport
	read(t, "growth.json", &r)
	var b strings.Builder
	b.WriteString("| CPU of the daemon |")
	for _, n := range growthSizes {
		b.WriteString(" " + thousands(n) + " |")
	}
	b.WriteString("\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, of := range []string{"requests", "items", "grants"} {
		row(&b, false, append([]string{growthNames[of]}, r.cells(of)...)...)
	}
	b.WriteString("\n" + goalRows(r.Goals))
	return b.String()
}
