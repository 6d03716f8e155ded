package dashboard

import (
	"shelfkeeper/daemon/programs"
)

// recipe is what to type into one program, filled in. The names of its fields are the
// program's own.
type recipe struct {
	ID, Program string
	Needs       string // the scope of the grant; "" for a program that needs none
	Fields      []field
	More        []programs.More
	Works, Seen string
	Note        string
}

// field is one entry of a program.
type field struct{ programs.Field }

// Whole reports whether the value can be copied as it is.
func (f field) Whole() bool { return f.Value != text("recipe.key") && f.Value != programs.AnyUser }

// filled returns the recipes with the players' address, and with a key where one
// has just been made.
func filled(address, key string) []recipe {
	all := programs.List()
	list := make([]recipe, 0, len(all))
	for _, p := range all {
		list = append(list, recipeFor(p, address, key))
	}
	return list
}

func recipeFor(p programs.Program, address, key string) recipe {
	r := recipe{ID: p.ID, Program: p.Name, Needs: p.Scope, More: p.More, Works: p.Works, Seen: p.Seen(), Note: p.Note}
	if p.Tried.Date != "" {
		r.Seen = "tried: " + r.Seen
	}
	for _, f := range p.Filled(address, key, text("recipe.key")) {
		r.Fields = append(r.Fields, field{f})
	}
	return r
}

// wanted returns the program that was chosen in a form, and the scope of its grant:
// the chosen one, or what the program needs.
func wanted(id, scope string) (*programs.Program, string) {
	p, ok := programs.Find(id)
	switch {
	case !ok && scope == "":
		return nil, scopes[0]
	case !ok:
		return nil, scope
	case scope == "":
		return &p, p.GrantScope()
	}
	return &p, scope
}

// without returns what p will not do with a grant of that scope, in words. admin is
// whether the account is an administrator's.
func without(p *programs.Program, scope string, admin bool) (list []string) {
	if p == nil {
		return nil
	}
	for _, m := range p.Missing(scope) {
		list = append(list, text("play.without", text("scope."+m.Scope), m.What))
	}
	if scope != "admin" || admin {
		return list
	}
	for _, m := range p.More {
		if m.Scope == "admin" {
			list = append(list, text("play.without.admin", m.What))
		}
	}
	return list
}
