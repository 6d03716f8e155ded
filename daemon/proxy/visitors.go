package proxy

import (
	"sync"
	"time"

	"shelfkeeper/daemon/order"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/refusal"
)

// maxVisitors bounds the programs that are remembered; the one that came longest
// ago is forgotten first.
const maxVisitors = 32

// visitSaved is how old the last use that was kept may be: a program that plays all
// day is one write an hour.
const visitSaved = time.Hour

// Visitor is a program that was let in.
type Visitor struct {
	Program  string        // as the system names it, or else as it names itself
	Agent    string        // as it names itself
	Grant    string        // the id of its grant; "" for a program of the user without one
	Scope    players.Scope // what it may do
	Requests uint64
	Last     time.Time
}

// visitors remembers which programs were let in.
type visitors struct {
	mu     sync.Mutex
	list   map[visitorKey]*Visitor
	kept   map[visitorKey]time.Time // the last use of each that is written down
	lookup time.Time                // the last look at the system's tables
}

// visitorKey is what a program says of itself, and as what it came in.
type visitorKey struct {
	agent, grant string
	scope        players.Scope
}

// Visitors returns the programs that were let in, the newest first.
func (s *Server) Visitors() []Visitor {
	s.visitors.mu.Lock()
	defer s.visitors.mu.Unlock()
	list := make([]Visitor, 0, len(s.visitors.list))
	for _, v := range s.visitors.list {
		list = append(list, *v)
	}
	order.Stable(list, func(a, b Visitor) int { return b.Last.Compare(a.Last) })
	return list
}

// remember takes in the programs that came before the start.
func (v *visitors) remember(list []Visitor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range list {
		key := visitorKey{one.Agent, one.Grant, one.Scope}
		v.addLocked(key, &one)
		v.kept[key] = one.Last
	}
}

// visit counts a request that was let in as a player's. The system is asked for
// the program's name once.
func (s *Server) visit(c *call) {
	if c.caller.Scope == "" {
		return // it came for what anybody gets
	}
	key := keyOf(c)
	ask, news := s.visitors.count(key, time.Now())
	if news && s.cfg.Visited != nil {
		defer s.cfg.Visited()
	}
	if !ask || c.conn.extra {
		return
	}
	if holder, ok := players.ProgramOf(c.conn.net); ok && holder.PID != 0 {
		name := refusal.OneLine(holder.Program)
		s.visitors.name(key, name[:min(len(name), maxProgram)])
	}
}

func keyOf(c *call) visitorKey {
	agent := c.r.Header.Get("User-Agent")
	return visitorKey{agent[:min(len(agent), maxAgent)], c.caller.Grant, c.caller.Scope}
}

// programOf names a program that came.
func (v *visitors) programOf(key visitorKey) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if one := v.list[key]; one != nil {
		return one.Program
	}
	return nameIn(key.agent)
}

// count counts a request, and reports whether the system is to be asked which
// program that is, and whether it is worth writing down.
func (v *visitors) count(key visitorKey, now time.Time) (ask, news bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.list[key]
	if one == nil {
		one = &Visitor{Program: nameIn(key.agent), Agent: key.agent, Grant: key.grant, Scope: key.scope}
		v.addLocked(key, one)
		// It reads the open files of every process.
		if ask = now.Sub(v.lookup) >= lookupPause; ask {
			v.lookup = now
		}
	}
	one.Requests++
	one.Last = now
	if news = now.Sub(v.kept[key]) >= visitSaved; news {
		v.kept[key] = now
	}
	return ask, news
}

func (v *visitors) addLocked(key visitorKey, one *Visitor) {
	if v.list == nil {
		v.list, v.kept = make(map[visitorKey]*Visitor), make(map[visitorKey]time.Time)
	}
	if len(v.list) >= maxVisitors {
		var oldest visitorKey
		var at time.Time
		for k, o := range v.list {
			if at.IsZero() || o.Last.Before(at) {
				oldest, at = k, o.Last
			}
		}
		delete(v.list, oldest)
		delete(v.kept, oldest)
	}
	v.list[key] = one
}

func (v *visitors) name(key visitorKey, program string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if one := v.list[key]; one != nil && program != "" {
		one.Program = program
	}
}
