package proxy

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/order"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/redact"
)

const (
	// maxRefused bounds the programs that are remembered; the one that was
	// refused longest ago is forgotten first.
	maxRefused = 32
	// lookupPause lies between two looks at the system's tables, which read the
	// open files of every process.
	lookupPause = 100 * time.Millisecond
	// maxLines is how many lines about refused programs the log gets in a minute:
	// whoever is refused can call itself by a new name each time.
	maxLines = 10
	// maxAgent is how much of what a program says of itself is kept.
	maxAgent = 256
	// maxProgram is how much of its name is kept.
	maxProgram = 80
)

// Refused is a program that was refused something that the user could allow.
type Refused struct {
	Program string // as the system names it, or else as it names itself
	Origin  string // of its page; "" for none
	Refusal *refusal.Refusal
	Count   uint64
	Last    time.Time
}

// allowable are the refusals that end when the user allows a program more.
var allowable = []*refusal.Refusal{
	refusal.OtherOrigin, refusal.BadGrant, refusal.NeedsGrant, refusal.GrantOnly, refusal.ExtraGrant, refusal.BeyondScope, refusal.WrongHost,
}

// refusedPrograms remembers which programs were refused what.
type refusedPrograms struct {
	mu     sync.Mutex
	list   map[refusedKey]*refusedEntry
	lookup time.Time // the last look at the system's tables
	minute time.Time // in which lines were logged
	lines  int
}

// refusedKey is what a program says of itself, and why it was refused.
type refusedKey struct{ agent, origin, reason string }

type refusedEntry struct {
	Refused
	named  bool      // by the system, or the system does not tell
	logged time.Time // the newest line about it
}

// Refused returns the programs that were refused something, the newest first.
func (s *Server) Refused() []Refused {
	s.refused.mu.Lock()
	defer s.refused.mu.Unlock()
	var list []Refused
	for _, r := range s.refused.list {
		if r.Count > 0 {
			list = append(list, r.Refused)
		}
	}
	order.Stable(list, func(a, b Refused) int { return b.Last.Compare(a.Last) })
	return list
}

// remember counts a refusal of c by the program that sent it, and logs it once a
// minute.
func (s *Server) remember(c *call, no *refusal.Refusal) {
	if c.conn == nil || !slices.ContainsFunc(allowable, func(a *refusal.Refusal) bool { return a.Name == no.Name }) {
		return
	}
	agent := c.r.Header.Get("User-Agent")
	key := refusedKey{agent[:min(len(agent), maxAgent)], refusal.OneLine(originHeader(c.r)), no.Name}
	if s.refused.unnamed(key, time.Now()) {
		if holder, ok := players.ProgramOf(c.conn.net); ok && holder.PID != 0 {
			name := refusal.OneLine(holder.String())
			s.refused.name(key, name[:min(len(name), maxProgram)])
		}
	}
	r := s.refused.add(key, no, time.Now())
	if s.refused.mayLog(key, time.Now()) {
		s.log.LogAttrs(c.r.Context(), slog.LevelInfo, "a program is refused", slog.String("program", r.Program),
			slog.String("path", refusal.OneLine(cmp.Or(c.path, c.r.URL.Path))), slog.String("origin", r.Origin), slog.String("reason", no.Cause),
			slog.String("remedy", no.Remedy), slog.Uint64("times", r.Count))
	}
}

// mayLog reports whether the log may have one more line now about the program.
func (p *refusedPrograms) mayLog(key refusedKey, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.entryLocked(key)
	if !r.logged.IsZero() && now.Sub(r.logged) < time.Minute {
		return false
	}
	if now.Sub(p.minute) >= time.Minute {
		p.minute, p.lines = now, 0
	}
	if p.lines++; p.lines > maxLines {
		return false
	}
	r.logged = now
	return true
}

// unnamed reports whether the system is to be asked which program that is.
func (p *refusedPrograms) unnamed(key refusedKey, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.entryLocked(key)
	if r.named || now.Sub(p.lookup) < lookupPause {
		return false
	}
	r.named, p.lookup = true, now
	return true
}

func (p *refusedPrograms) name(key refusedKey, program string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entryLocked(key).Program = program
}

// add counts one more refusal and returns what is known of the program.
func (p *refusedPrograms) add(key refusedKey, no *refusal.Refusal, now time.Time) Refused {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.entryLocked(key)
	r.Refusal, r.Last = no, now
	r.Count++
	return r.Refused
}

func (p *refusedPrograms) entryLocked(key refusedKey) *refusedEntry {
	if r := p.list[key]; r != nil {
		return r
	}
	if p.list == nil {
		p.list = make(map[refusedKey]*refusedEntry)
	}
	if len(p.list) >= maxRefused {
		var oldest refusedKey
		var at time.Time
		for k, one := range p.list {
			if at.IsZero() || one.Last.Before(at) {
				oldest, at = k, one.Last
			}
		}
		delete(p.list, oldest)
	}
	r := &refusedEntry{Refused: Refused{Program: nameIn(key.agent), Origin: key.origin, Last: time.Now()}}
	p.list[key] = r
	return r
}

// nameIn returns the name of a program in its User-Agent. A webview names its
// engine first, and the program among what follows.
func nameIn(agent string) string {
	name := ""
	for word := range strings.FieldsSeq(agent) {
		product, _, _ := strings.Cut(word, "/")
		switch product {
		case "Mozilla", "AppleWebKit", "Gecko", "Chrome", "Safari", "Electron", "Version", "Edg":
			continue
		}
		if strings.Contains(word, "/") {
			name = product
			break
		}
	}
	if name == "" {
		name, _, _ = strings.Cut(agent, " ")
	}
	if name == "" {
		return "a program without a name"
	}
	name = refusal.OneLine(redact.Text(name))
	return name[:min(len(name), maxProgram)]
}
