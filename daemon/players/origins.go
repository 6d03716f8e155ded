package players

import (
	"fmt"
	"maps"
	"slices"
)

// maxOrigins bounds the origins of one grant; a program has one or two.
const maxOrigins = 8

// Trust lets programs in a webview, whose pages have that origin, use the account's
// grant of that name or id. They may listen even if they present no secret, provided
// that they run as the user. The caller has checked the origin and written it in lower
// case. The error is ErrNotFound if the account has no such grant.
func (g *Grants) Trust(account, nameOrID, origin string) error {
	err := g.change(func(list map[string]*entry) error {
		for id, e := range maps.Clone(list) {
			if e.Account != account || e.Name != nameOrID && e.ID != nameOrID || e.Kind != KindSecret {
				continue
			}
			changed := *e
			if !slices.Contains(e.Origins, origin) {
				changed.Origins = append(slices.Clone(e.Origins), origin)
			}
			if len(changed.Origins) > maxOrigins {
				return fmt.Errorf("a grant has at most %d origins", maxOrigins)
			}
			list[id] = &changed
			return nil
		}
		return ErrNotFound
	})
	if err != nil {
		return fmt.Errorf("trust origin: %w", err)
	}
	return nil
}

// OfOrigin returns the caller as which programs of an origin come in. It reports
// false where no grant names the origin.
func (i *Identities) OfOrigin(origin string) (Caller, bool) {
	g := i.grants
	g.mu.RLock()
	e, ok := g.origins[originOf{i.account, origin}]
	g.mu.RUnlock()
	if !ok {
		return Caller{}, false
	}
	g.touch(e)
	return Caller{Grant: e.ID, Scope: e.Scope}, true
}

// originOf is an origin that grants of the account may name.
type originOf struct{ account, origin string }

// byOrigin finds grants by the origins that they name. Of several with one origin the
// one with the lowest id counts.
func byOrigin(list map[string]*entry) map[originOf]*entry {
	found := make(map[originOf]*entry)
	for _, e := range list {
		for _, origin := range e.Origins {
			at := originOf{e.Account, origin}
			if other := found[at]; other == nil || e.ID < other.ID {
				found[at] = e
			}
		}
	}
	return found
}
