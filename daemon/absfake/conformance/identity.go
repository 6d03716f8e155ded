package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// identities binds what differs from server to server (tokens, ids, codes) to
// what stands for it here, and checks that the relations are the same: what was
// one string there is one string here, and different tokens stay different.
type identities struct {
	own      map[string]string // recorded → ours
	recorded map[string]string // ours → recorded, for tokens
	literals []string          // keys of own that no pattern finds
}

func newIdentities() identities {
	return identities{own: map[string]string{}, recorded: map[string]string{}}
}

const (
	uuidPattern = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	datePattern = `[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} GMT`
	isoPattern  = `20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z`
	sidPattern  = `"sid":"[A-Za-z0-9_-]{20}"`
	randomChars = `[A-Za-z0-9_-]{43}`
	holder      = `<(?:access|refresh|legacy|apikey|idtoken|connect\.sid):[^>]+>`
)

var (
	identity = regexp.MustCompile(holder + `|<(?:media|metadata|config)>|` + uuidPattern + `|` + datePattern + `|` + isoPattern + `|` +
		sidPattern + `|` + randomChars)
	holders  = regexp.MustCompile(holder)
	justUUID = regexp.MustCompile(`^` + uuidPattern + `$`)
	elided   = regexp.MustCompile(`(\.\.\.|<token cut>)\(\+([0-9]+) (?:chars|more)\)$`)
)

// unknownID is the recorder's id of nothing; it is nobody's identity.
const unknownID = "00000000-0000-4000-8000-000000000000"

func isToken(recorded string) bool {
	return strings.HasPrefix(recorded, "<") && !strings.HasPrefix(recorded, "<connect.sid") && holders.MatchString(recorded)
}

// bind says that ours stands for recorded, and what is wrong with that.
func (b *identities) bind(recorded, ours string) string {
	if strings.HasPrefix(recorded, "<connect.sid") || !isToken(recorded) && !justUUID.MatchString(recorded) {
		b.own[recorded] = ours
		return ""
	}
	if before, ok := b.own[recorded]; ok && before != ours {
		return fmt.Sprintf("%s is another one than before", recorded)
	}
	if other, ok := b.recorded[ours]; ok && other != recorded && isToken(recorded) {
		return fmt.Sprintf("%s and %s are one and the same here", other, recorded)
	}
	b.own[recorded], b.recorded[ours] = ours, recorded
	return ""
}

// literal binds a recorded string that no pattern would find.
func (b *identities) literal(recorded, ours string) {
	if recorded == "" || recorded == ours {
		return
	}
	if _, ok := b.own[recorded]; !ok {
		b.literals = append(b.literals, recorded)
	}
	b.own[recorded] = ours
}

// ours puts our identities into recorded text.
func (b *identities) ours(text string) string {
	keys := make([]string, 0, len(b.own))
	for k := range b.own {
		if strings.Contains(text, k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y string) int { return len(y) - len(x) })
	pairs := make([]string, 0, 2*len(keys))
	for _, k := range keys {
		pairs = append(pairs, k, b.own[k])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// matchText compares a recorded string with ours, binds identities that are new
// in it, and says where the two differ. said is what the recorder had sent: a
// random looking string out of it is no identity of the server's.
func (b *identities) matchText(want, got, said string) string {
	rest := -1
	if m := elided.FindStringSubmatchIndex(want); m != nil {
		if want[m[2]:m[3]] == "..." {
			_, _ = fmt.Sscan(want[m[4]:m[5]], &rest)
		}
		want = want[:m[0]]
		if rest < 0 { // cut within a token: how long the rest is depends on it
			if i := strings.LastIndexByte(want, '<'); i > strings.LastIndexByte(want, '>') {
				want = want[:i]
			}
		}
	} else {
		rest = 0
	}
	for _, l := range b.literals {
		want = strings.ReplaceAll(want, l, b.own[l])
	}
	pattern, names := b.pattern(want, said)
	m := regexp.MustCompile(`(?s)^` + pattern).FindStringSubmatchIndex(got)
	if m == nil || (rest >= 0 && len(got)-m[1] != rest) {
		return fmt.Sprintf("is %.300q, recorded %.300q", got, b.ours(want))
	}
	for i, name := range names {
		if wrong := b.bind(name, got[m[2*i+2]:m[2*i+3]]); wrong != "" {
			return wrong
		}
	}
	return ""
}

// pattern is a regular expression for strings that are like want, and what its
// groups are to be bound to.
func (b *identities) pattern(want, said string) (string, []string) {
	var p strings.Builder
	var names []string
	at := 0
	for _, m := range identity.FindAllStringIndex(want, -1) {
		id := want[m[0]:m[1]]
		p.WriteString(regexp.QuoteMeta(want[at:m[0]]))
		at = m[1]
		own, bound := b.own[id]
		switch {
		case strings.HasPrefix(id, "<connect.sid"):
			p.WriteString(`([^;"\s]+)`)
			names = append(names, id)
		case bound:
			p.WriteString(regexp.QuoteMeta(own))
		case isToken(id):
			p.WriteString(`([A-Za-z0-9._-]+)`)
			names = append(names, id)
		case id == unknownID, strings.HasPrefix(id, "<"):
			p.WriteString(regexp.QuoteMeta(id))
		case justUUID.MatchString(id):
			if strings.Contains(said, id) {
				p.WriteString(regexp.QuoteMeta(id)) // the recorder chose it
				continue
			}
			p.WriteString(`(` + uuidPattern + `)`)
			names = append(names, id)
		case strings.HasPrefix(id, `"sid"`):
			p.WriteString(`"sid":"([A-Za-z0-9_-]{20})"`)
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(id, `"sid":"`), `"`))
		case strings.HasSuffix(id, "GMT"):
			p.WriteString(datePattern)
		case strings.HasSuffix(id, "Z") && strings.Contains(id, "T") && len(id) == 24:
			p.WriteString(isoPattern)
		case strings.Contains(said, id):
			p.WriteString(regexp.QuoteMeta(id))
		default:
			p.WriteString(randomChars)
		}
	}
	p.WriteString(regexp.QuoteMeta(want[at:]))
	return p.String(), names
}
