// Package programs knows the programs that speak to an Audiobookshelf server: what
// to paste into each, the scope of its grant, and how it was tried. docs/players.md,
// the status page and `players add --for` all show this one table. It never makes a
// grant and never asks a server.
package programs

import (
	"net/url"
	"slices"
	"strings"
)

// The scopes of a grant, as package players calls them.
const (
	listen = "listen"
	full   = "full"
	admin  = "admin"
)

// Program is one program, or several that take the same.
type Program struct {
	ID     string   // what `players add --for` takes
	Also   []string // other names that it takes for it
	Name   string
	Scope  string // of its grant; "" where a program of the user's own needs none
	Fields []Field
	More   []More
	Works  string // what was seen
	Tried  Trial
	Note   string // what else a person has to know before it fails
}

// Field is one entry of a program, under the program's own name for it. Its value may
// hold {url}, {host}, {port}, {key} and {token}, which is ?token= and the key.
type Field struct{ Name, Value string }

// AnyUser is the value of a field in which everything will do.
const AnyUser = "any"

// More is what a program does beyond listening, and the scope that it needs for it.
type More struct{ Scope, What string }

// Trial is when and how a program was tried. Without a date it never was, and How says
// where its fields come from.
type Trial struct{ Version, Date, How string }

// List returns every program, in the order of their names, the families last.
func List() []Program { return slices.Clone(table) }

// Find returns the program with that ID or name, in any case and spelling of its
// spaces and dashes.
func Find(name string) (Program, bool) {
	want := plain(name)
	for _, p := range table {
		if plain(p.ID) == want || plain(p.Name) == want ||
			slices.ContainsFunc(p.Also, func(other string) bool { return plain(other) == want }) {
			return p, true
		}
	}
	return Program{}, false
}

// Near returns the IDs of programs that name may mean.
func Near(name string) (ids []string) {
	want := plain(name)
	for _, p := range table {
		if want != "" && strings.Contains(plain(p.ID+p.Name+strings.Join(p.Also, "")), want) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// IDs returns what Find takes, one a program.
func IDs() (ids []string) {
	for _, p := range table {
		ids = append(ids, p.ID)
	}
	return ids
}

// plain is a name without what people spell differently.
func plain(name string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", ".", "", ",", "").Replace(strings.ToLower(name))
}

// GrantScope returns the scope that a grant for p gets.
func (p Program) GrantScope() string {
	if p.Scope == "" {
		return listen
	}
	return p.Scope
}

// Missing returns what p does not do with a grant of that scope.
func (p Program) Missing(scope string) (list []More) {
	for _, m := range p.More {
		if rank(m.Scope) > rank(scope) {
			list = append(list, m)
		}
	}
	return list
}

// NeedsAdmin reports whether some part of p asks for what only an administrator may.
func (p Program) NeedsAdmin() bool {
	return p.Scope == admin || slices.ContainsFunc(p.More, func(m More) bool { return m.Scope == admin })
}

func rank(scope string) int { return slices.Index([]string{"", listen, full, admin}, scope) }

// Filled returns the fields of p with the players' address and a key. Without a key
// shown is what stands in its place, and addresses carry no token.
func (p Program) Filled(address, key, shown string) []Field {
	host, port := "127.0.0.1", ""
	if u, err := url.Parse(address); err == nil {
		host, port = u.Hostname(), u.Port()
	}
	token := ""
	if key != "" {
		token, shown = "?token="+key, key
	}
	values := strings.NewReplacer("{url}", address, "{host}", host, "{port}", port, "{key}", shown, "{token}", token)
	fields := make([]Field, 0, len(p.Fields))
	for _, f := range p.Fields {
		fields = append(fields, Field{f.Name, values.Replace(f.Value)})
	}
	return fields
}

// Seen says when and how p was tried, in words.
func (p Program) Seen() string {
	if p.Tried.Date == "" {
		return "not tried; " + p.Tried.How
	}
	version := p.Tried.Version
	if version != "" {
		version += ", "
	}
	return version + p.Tried.Date + ", " + p.Tried.How
}
