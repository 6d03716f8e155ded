package main

import (
	"fmt"
	"strings"
	"testing"
)

// row finds a row of a run over a line.
func (r wanReport) row(via, upstream, name string) (wanRow, bool) {
	for _, x := range r.Rows {
		if x.Via == via && x.Upstream == upstream && x.Case == name {
			return x, true
		}
	}
	return wanRow{}, false
}

func wanTable(t *testing.T) string {
	var now, before wanReport
	read(t, "wan.json", &now)
	read(t, "wan-before.json", &before)
	behind := map[string]string{"nginx-h2": "nginx, HTTP/2", "nginx-h1": "nginx, HTTP/1.1", "node": "itself"}
	var b strings.Builder
	b.WriteString("| case | server behind | direct | Caddy | nginx | **Shelfkeeper** | before | kB, direct | kB, Shelfkeeper |\n" +
		"| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, x := range now.Rows {
		if x.Via != "direct" {
			continue
		}
		ms := func(r wanReport, via string) string {
			if y, ok := r.row(via, x.Upstream, x.Case); ok {
				return fmt.Sprintf("%.0f", y.P50)
			}
			return "–"
		}
		ours, _ := now.row("shelfkeeper", x.Upstream, x.Case)
		row(&b, false, x.Case, behind[x.Upstream], ms(now, "direct"), ms(now, "caddy"), ms(now, "nginx"), "**"+ms(now, "shelfkeeper")+"**",
			ms(before, "shelfkeeper"), thousands((x.Bytes+500)/1000), thousands((ours.Bytes+500)/1000))
	}
	return b.String()
}

// wanSentence is a sentence of the README.
func wanSentence(t *testing.T) string {
	var r wanReport
	read(t, "wan.json", &r)
	ours, ok1 := r.row("shelfkeeper", "nginx-h2", "first-moved")
	direct, ok2 := r.row("direct", "nginx-h2", "first-moved")
	if !ok1 || !ok2 {
		t.Fatal("the case first-moved is missing")
	}
	// The first of the samples fills the memory of covers, and takes longest.
	first, firstMost := r.ofDirect(t, "page", func(row wanRow) float64 { return row.P95 })
	middle := func(row wanRow) float64 { return row.P50 }
	least, most := r.ofDirect(t, "page", middle)
	low, high := r.ofDirect(t, "page-again", middle)
	least, most = min(least, low), max(most, high)
	return fmt.Sprintf("Over a line of %.0f ms the first byte after all connections were cut comes after %.0f ms, without Shelfkeeper "+
		"after %.0f ms. "+
		"The first visit to a library page takes %.1f to %.1f of the time without it, and later ones %.1f to %.1f.\n",
		r.RoundTrip, ours.P50, direct.P50, first, firstMost, least, most)
}

// ofDirect is which part of the median of direct Shelfkeeper takes in a case: the least
// and the most of all servers.
func (r wanReport) ofDirect(t *testing.T, name string, took func(wanRow) float64) (least, most float64) {
	t.Helper()
	for _, upstream := range []string{"nginx-h2", "nginx-h1", "node"} {
		ours, ok1 := r.row("shelfkeeper", upstream, name)
		direct, ok2 := r.row("direct", upstream, name)
		if !ok1 || !ok2 {
			t.Fatalf("the case %s is missing for %s", name, upstream)
		}
		part := took(ours) / direct.P50
		if least, most = min(least, part), max(most, part); least == 0 {
			least = part
		}
	}
	return least, most
}
