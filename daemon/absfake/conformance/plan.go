package conformance

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"shelfkeeper/daemon/absfake"
)

// plan is what the recorder did beside its recording, as far as the recording
// tells: tokens that it used and no recorded answer had handed out, playback
// sessions that it had opened, rotations before the recorded ones; and when.
type plan struct {
	rec    *Recording
	cases  []*Case
	tokens []string       // placeholders of the group, in order of appearance
	heard  map[string]int // placeholder or id → the first case that heard it
	logins []*hiddenLogin
	plays  []*hiddenPlay
	stop   int               // the case at which the server first goes down
	result map[string]string // refresh token → what an unrecorded rotation made of it
}

type hiddenLogin struct {
	at    int64 // Unix seconds, 0: not told
	name  string
	holds []string // placeholders
	first int      // the case that uses it first
	times int      // sign-ins in one second that gave the same tokens, beside the first
	done  bool
}

type hiddenPlay struct {
	id        string
	name      string // of the user; "": anyone
	first     int
	transcode bool
	done      bool
}

// The recorder's sentences that tell what it did before a case.
var (
	afterRotation = regexp.MustCompile(`old token ([0-9.]+) s after rotation`)
	afterDrop     = regexp.MustCompile(`sent again ([0-9.]+) s after a first refresh whose connection the client dropped`)
	staleToken    = regexp.MustCompile(`token (from before a rotation|rotated before the restart)`)
	onceWritten   = regexp.MustCompile(`\bonce written\b`)
	secretChanged = regexp.MustCompile(`after JWT_SECRET_KEY changed`)
	forgedToken   = regexp.MustCompile(`signature`)
	lapsedAccess  = regexp.MustCompile(`\bexpired (access )?(token|key)|\bexpired key`)
	lapsedRefresh = regexp.MustCompile(`past its|\bexpired refresh token`)

	playbackPath = regexp.MustCompile(`/(?:public/session|api/session|hls)/(` + uuidPattern + `)`)
	itemPath     = regexp.MustCompile(`/(?:api/items|api/me/progress|api/me/item)/(` + uuidPattern + `)`)
)

func newPlan(w *World) *plan {
	p := &plan{rec: w.rec, cases: w.Cases, heard: map[string]int{}, stop: len(w.Cases), result: map[string]string{}}
	for i, c := range p.cases {
		for _, h := range holders.FindAllString(c.sent()+c.heard(), -1) {
			if !slices.Contains(p.tokens, h) {
				p.tokens = append(p.tokens, h)
			}
		}
		p.uses(i, c)
		for _, h := range append(holders.FindAllString(c.heard(), -1), regexp.MustCompile(uuidPattern).FindAllString(c.heard(), -1)...) {
			if _, known := p.heard[h]; !known {
				p.heard[h] = i
			}
		}
		if p.stop == len(p.cases) && (strings.Contains(c.Error, "ECONNREFUSED") ||
			slices.ContainsFunc(c.Frames, func(f Frame) bool { return stopNote(f) })) {
			p.stop = i
		}
	}
	for _, l := range p.logins {
		l.times = p.twins(l)
	}
	slices.SortStableFunc(p.logins, func(a, b *hiddenLogin) int { return cmp.Compare(a.at, b.at) })
	return p
}

// stopNote tells whether the recorder stopped the server at this place.
func stopNote(f Frame) bool { return f.Dir == "note" && strings.HasPrefix(f.Raw, "SIG") }

// uses finds what case i uses that nothing before it had told.
func (p *plan) uses(i int, c *Case) {
	for _, h := range holders.FindAllString(c.sent(), -1) {
		if _, known := p.heard[h]; known || p.planned(h) {
			continue
		}
		if strings.HasPrefix(h, "<connect.sid") {
			p.logins = append(p.logins, &hiddenLogin{name: "root", holds: []string{h}, first: i})
			continue
		}
		if i > 0 && staleToken.MatchString(p.cases[i-1].What) && strings.HasPrefix(h, "<refresh") {
			p.result[holders.FindString(p.cases[i-1].sent())] = h
			continue
		}
		t := p.rec.Tokens[h]
		if kind := t.text("type"); kind == absfake.TokenAccess || kind == absfake.TokenRefresh {
			p.addLogin(h, t, i)
		}
	}
	if c.Request == nil {
		return
	}
	if m := playbackPath.FindStringSubmatch(c.Request.Path); m != nil && m[1] != unknownID {
		if _, known := p.heard[m[1]]; known {
			return
		}
		name := ""
		for _, h := range holders.FindAllString(c.sent(), -1) {
			name = p.rec.Tokens[h].text("username")
		}
		for _, o := range p.plays {
			if o.id == m[1] {
				if o.name == "" {
					o.name = name
				}
				return
			}
		}
		p.plays = append(p.plays, &hiddenPlay{id: m[1], name: name, first: i, transcode: strings.HasPrefix(c.Name, "hls")})
	}
}

// addLogin puts a token to the sign-in that handed it out: one user's tokens of
// one second, unless they differ.
func (p *plan) addLogin(h string, t Token, i int) {
	for _, l := range p.logins {
		if l.at != t.issued() || l.name != t.text("username") {
			continue
		}
		same := true
		for _, o := range l.holds {
			other := p.rec.Tokens[o]
			if other.text("type") == t.text("type") && other.text("jti") != t.text("jti") {
				same = false
			}
		}
		if same {
			l.holds = append(l.holds, h)
			return
		}
	}
	p.logins = append(p.logins, &hiddenLogin{at: t.issued(), name: t.text("username"), holds: []string{h}, first: i})
}

// twins is how many more sign-ins must have given the same refresh token: where
// it has no id and there is no window of grace, each rotates only once.
func (p *plan) twins(l *hiddenLogin) int {
	more := 0
	for _, h := range l.holds {
		if t := p.rec.Tokens[h]; t.text("type") != absfake.TokenRefresh || t.text("jti") != "" {
			continue
		}
		rotated := map[string]bool{}
		for _, c := range p.cases {
			if c.Request == nil || c.Response == nil || c.Response.Status != 200 || !strings.HasSuffix(c.Request.Path, "/auth/refresh") {
				continue
			}
			used := c.Request.Headers["x-refresh-token"]
			if used == "" {
				used = holders.FindString(c.sent())
			}
			for _, next := range holders.FindAllString(c.heard(), -1) {
				if used == h && strings.HasPrefix(next, "<refresh") {
					rotated[next] = true
				}
			}
		}
		more = max(more, len(rotated)-1)
	}
	return more
}

// planned tells whether a sign-in or a rotation gives the token.
func (p *plan) planned(h string) bool {
	for _, l := range p.logins {
		if slices.Contains(l.holds, h) {
			return true
		}
	}
	for _, q := range p.result {
		if q == h {
			return true
		}
	}
	return false
}

// forged tells whether the recorder had spoilt the token's signature.
func (p *plan) forged(h string) bool {
	for _, c := range p.cases {
		if strings.Contains(c.sent(), h) {
			return forgedToken.MatchString(c.What)
		}
	}
	return false
}

// registered tells whether the user of this id came through OpenID.
func (p *plan) registered(id string) bool {
	return slices.ContainsFunc(p.tokens, func(h string) bool { return p.rec.Tokens[h].text("userId") == id && p.registers(h) })
}

// registers tells whether the token's user came through OpenID.
func (p *plan) registers(h string) bool {
	i, ok := p.heard[h]
	return ok && p.cases[i].Request != nil && strings.Contains(p.cases[i].Request.Path, "/auth/openid")
}

// renamed tells whether an administrator gave somebody this name.
func (p *plan) renamed(name string) bool {
	for _, c := range p.cases {
		var body struct{ Username string }
		if c.Request != nil && c.Request.Method == "PATCH" && json.Unmarshal(c.Request.Body, &body) == nil && body.Username == name {
			return true
		}
	}
	return false
}
