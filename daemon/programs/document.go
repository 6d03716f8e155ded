package programs

import (
	"fmt"
	"strings"
)

// Markdown returns the table for docs/players.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| program, `--for` | scope | paste | what works | tried |\n| --- | --- | --- | --- | --- |\n")
	for _, p := range table {
		scope := p.Scope
		if scope == "" {
			scope = "none for your own user, else " + listen
		}
		for _, m := range p.More {
			if m.Scope == p.Scope {
				scope += fmt.Sprintf(", for %s", m.What)
			} else {
				scope += fmt.Sprintf("; %s for %s", m.Scope, m.What)
			}
		}
		var paste []string
		for _, f := range p.Fields {
			value := "`" + documented.Replace(f.Value) + "`"
			if f.Value == AnyUser {
				value = AnyUser
			}
			paste = append(paste, f.Name+": "+value)
		}
		works := sentences(p.Works, p.Note)
		fmt.Fprintf(&b, "| %s, `%s` | %s | %s | %s | %s |\n", p.Name, p.ID, scope, strings.Join(paste, "<br>"), works, p.Seen())
	}
	return b.String()
}

// documented fills in the values as the documentation shows them.
var documented = strings.NewReplacer("{url}", "http://127.0.0.1:13379", "{token}", "", "{host}", "127.0.0.1",
	"{port}", "13379", "{key}", "sk_…")

// sentences joins texts that begin small and have no stop.
func sentences(texts ...string) string {
	var out []string
	for _, t := range texts {
		if t = strings.TrimSuffix(t, "."); t != "" {
			out = append(out, strings.ToUpper(t[:1])+t[1:]+".")
		}
	}
	return strings.Join(out, " ")
}
