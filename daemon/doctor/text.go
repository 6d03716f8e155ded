package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Style is how a report is written.
type Style struct {
	Colours bool
	Quiet   bool // faults alone
}

// WriteText writes what was found, for a terminal. What to mend first stands at the
// end, where it is seen.
func (r Report) WriteText(out io.Writer, s Style) error {
	w := &lines{out: out}
	server := r.Server
	if r.Release != "" {
		server += " (Audiobookshelf " + r.Release + ")"
	}
	w.line("%s\n", server)
	skipped := map[string][]string{}
	var causes []string
	for _, f := range r.Findings {
		if f.Verdict == Unknown && f.Because != "" {
			if skipped[f.Because] == nil {
				causes = append(causes, f.Because)
			}
			skipped[f.Because] = append(skipped[f.Because], f.ID)
			continue
		}
		if s.Quiet && f.Verdict != Fault {
			continue
		}
		w.finding(f, s.Colours)
	}
	for _, cause := range causes {
		w.line("  unknown  not looked at, since %s comes first: %s", cause, strings.Join(skipped[cause], ", "))
	}
	if !s.Quiet && len(r.Unseen) > 0 {
		w.line("\nNo client can see these; the server's admin can:")
		for _, a := range r.Unseen {
			w.line("  - %s\n    → %s", a.Cause, a.Remedy)
		}
	}
	first, there := r.Finding(r.Primary)
	switch {
	case !there:
		w.line("\nNothing is wrong on the way to the server.")
	case first.Verdict == Fault:
		w.line("\nMend this first: %s: %s\n  → %s", first.ID, first.Evidence, first.Remedy)
	default:
		w.line("\nNothing is broken. This is worth a change: %s: %s\n  → %s", first.ID, first.Evidence, first.Remedy)
	}
	return w.err
}

// lines writes until it fails.
type lines struct {
	out io.Writer
	err error
}

func (w *lines) line(format string, a ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format+"\n", a...)
	}
}

func (w *lines) finding(f Finding, colours bool) {
	w.line("  %s  %-16s %s", mark(f.Verdict, colours), f.ID, f.Evidence)
	switch {
	case f.Because != "" && f.Because != f.ID:
		w.line("           %-16s it follows from %s", "", f.Because)
	case f.Remedy != "":
		w.line("           %-16s → %s", "", f.Remedy)
	}
}

// mark is a verdict as a terminal shows it, seven columns wide.
func mark(v Verdict, colours bool) string {
	code := map[Verdict]string{OK: "32", Note: "33", Fault: "31"}[v]
	padded := fmt.Sprintf("%-7s", v)
	if !colours || code == "" {
		return padded
	}
	return "\x1b[" + code + "m" + padded + "\x1b[0m"
}
