package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
)

// procedure repeats what the recorder did for an observation and returns its
// outcome, in the recorder's form.
type procedure struct {
	name *regexp.Regexp
	run  func(w *World, ctx context.Context, i int) (any, error)

	// timely are members of the outcome that are measured times: they may differ
	// by a tenth.
	timely []string
}

// procedures by the names of their cases.
var procedures = []procedure{
	{name: regexp.MustCompile(`^refresh/same-second-as-login$`), run: (*World).refreshAtOnce},
	{name: regexp.MustCompile(`^refresh/same-second-collision$`), run: (*World).collide},
	{name: regexp.MustCompile(`^refresh/dropped-connection/.*/next$`), run: (*World).refreshNext},
	{name: regexp.MustCompile(`^cover/upload$`), run: (*World).uploadCover},
	{name: regexp.MustCompile(`/effect$`), run: (*World).stillUp},
	{name: regexp.MustCompile(`^oidc/whitelist$`), run: (*World).whitelist},
	{name: regexp.MustCompile(`/2-provider$`), run: (*World).visitProvider},
	{name: regexp.MustCompile(`/5-provider-log$`), run: (*World).providerLog},
	{name: regexp.MustCompile(`^extra/compression$`), run: (*World).compression},
	{name: regexp.MustCompile(`^extra/keep-alive$`), run: (*World).keepAlive, timely: []string{"idle_ms_until_server_closed"}},
	{name: regexp.MustCompile(`^extra/ten-parallel-refreshes$`), run: (*World).tenAtOnce},
	{name: regexp.MustCompile(`^extra/refresh-races-logout/`), run: (*World).raceLogout},
}

// observe repeats a procedure of the recorder and compares its outcome.
func (w *World) observe(ctx context.Context, i int) []string {
	c := w.Cases[i]
	for _, p := range procedures {
		if !p.name.MatchString(c.Name) {
			continue
		}
		outcome, err := p.run(w, ctx, i)
		if err != nil {
			return []string{err.Error()}
		}
		return w.compareOutcome(c, p, outcome)
	}
	return []string{fmt.Sprintf("no procedure for %s", c.Name)}
}

func (w *World) compareOutcome(c *Case, p procedure, outcome any) []string {
	raw, err := json.Marshal(outcome)
	if err != nil {
		return []string{err.Error()}
	}
	got, err := decode(raw)
	if err != nil {
		return []string{err.Error()}
	}
	want, err := decode(c.Observed)
	if err != nil {
		return []string{err.Error()}
	}
	for _, key := range p.timely {
		near(want, got, key)
	}
	k := &comparison{identities: &w.identities, said: c.sent()}
	k.loose(want, got)
	return k.words
}

// near makes a measured time equal to the recorded one if it is close to it.
func near(want, got any, key string) {
	w, _ := want.(members)
	g, _ := got.(members)
	v, _ := w.get(key)
	recorded, ok := v.(float64)
	for i, e := range g {
		if n, isNumber := e.value.(float64); ok && isNumber && e.key == key && n > recorded*0.9 && n < recorded*1.1 {
			g[i].value = recorded
		}
	}
}

// loose compares outcomes, whose members the recorder put in an order of its own.
func (c *comparison) loose(want, got any) {
	c.value("", sorted(want), sorted(got))
}

func sorted(v any) any {
	switch v := v.(type) {
	case members:
		out := make(members, 0, len(v))
		for _, e := range v {
			out = append(out, member{e.key, sorted(e.value)})
		}
		out.sort()
		return out
	case []any:
		for i := range v {
			v[i] = sorted(v[i])
		}
		return v
	default:
		return v
	}
}
