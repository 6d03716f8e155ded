package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// How long the replay waits. A bubble's clock stands still while anything works,
// so what has not come by then does not come.
const (
	soon  = time.Second
	quiet = 300 * time.Millisecond
)

// socketPlayer plays the transcripts of a group. A transcript has a socket of
// its own, or is a piece of what one of the recorder's standing sockets heard.
type socketPlayer struct {
	w        *World
	scripts  map[int]*script  // by case, those that are open
	standing map[string]*link // "own-1", "own-2", "other-user", "admin"
	visitor  *link            // who comes and goes to be noticed
}

var _ transcripts = (*socketPlayer)(nil)

func newSocketPlayer(w *World) *socketPlayer {
	p := &socketPlayer{w: w, scripts: map[int]*script{}, standing: map[string]*link{}}
	w.signedIn = func(ctx context.Context) { p.openEarly(ctx, -1) }
	return p
}

// before opens the sockets that the recorder had open during case i.
func (p *socketPlayer) before(ctx context.Context, i int) error {
	p.openEarly(ctx, i)
	for k := i + 1; k < len(p.w.Cases); k++ {
		c := p.w.Cases[k]
		m := eventsOf.FindStringSubmatch(c.Name)
		if m == nil || m[1] != p.w.Cases[i].Name {
			break
		}
		if p.standing[m[2]] == nil {
			l, err := p.stand(ctx, m[2])
			if err != nil {
				return fmt.Errorf("open the socket %s: %w", m[2], err)
			}
			p.standing[m[2]] = l
		}
	}
	for _, l := range p.standing {
		if p.isEventBase(i) {
			l.drop()
		}
	}
	return nil
}

// isEventBase tells whether what follows case i says which events it caused.
func (p *socketPlayer) isEventBase(i int) bool {
	if i+1 >= len(p.w.Cases) {
		return false
	}
	m := eventsOf.FindStringSubmatch(p.w.Cases[i+1].Name)
	return m != nil && m[1] == p.w.Cases[i].Name
}

// openEarly opens the sockets that are due before case i; -1 means those that
// only wait for a token.
func (p *socketPlayer) openEarly(ctx context.Context, i int) {
	for k, c := range p.w.Cases {
		if c.Kind() != Transcript || p.scripts[k] != nil || k <= i || !opens(c) || eventsOf.MatchString(c.Name) {
			continue
		}
		at, known := p.w.early(k)
		token := authOf(c)
		switch {
		case known && (i < 0 || at > i || at == k):
			continue
		case token != "" && p.w.own[token] == "":
			continue
		}
		s := p.open(ctx, k)
		s.advance(ctx, false)
	}
}

// after lets open transcripts go on with what the case has caused.
func (p *socketPlayer) after(ctx context.Context, i int) {
	for k := i + 1; k < len(p.w.Cases); k++ {
		if s := p.scripts[k]; s != nil {
			s.advance(ctx, false)
		}
	}
}

func (p *socketPlayer) play(ctx context.Context, i int) []string {
	c := p.w.Cases[i]
	if m := eventsOf.FindStringSubmatch(c.Name); m != nil {
		return p.events(ctx, c, p.standing[m[2]])
	}
	if !opens(c) {
		if strings.Contains(c.What, "connects and leaves") {
			return p.presence(ctx, c)
		}
		return p.events(ctx, c, p.standing["own-1"])
	}
	s := p.scripts[i]
	if s == nil {
		s = p.open(ctx, i)
	}
	s.advance(ctx, true)
	if strings.HasPrefix(c.What, "own socket") {
		p.standing["own-1"] = s.link // it goes on listening
	} else {
		s.link.close()
	}
	return s.words
}

// open opens the socket of case k.
func (p *socketPlayer) open(ctx context.Context, k int) *script {
	c := p.w.Cases[k]
	header := http.Header{}
	if token := holders.FindString(c.URL); token != "" && strings.Contains(c.What, "Authorization header") {
		header.Set("Authorization", "Bearer "+p.w.ours(token))
	}
	heard, answered := beats(c)
	s := &script{p: p, c: c, link: p.w.connect(ctx, c.URL, answered, heard, header)}
	s.comparison = comparison{identities: &p.w.identities, said: c.sent()}
	p.scripts[k] = s
	s.handshake()
	return s
}

// stand opens one of the sockets that the recorder had open all the time.
func (p *socketPlayer) stand(ctx context.Context, role string) (*link, error) {
	name := "root"
	switch own := p.ownName(); role {
	case "own-1", "own-2":
		name = own
	case "other-user":
		for _, h := range p.w.plan.tokens {
			if n := p.w.rec.Tokens[h].text("username"); n != "" && n != own && n != "root" {
				name = n
			}
		}
	}
	return p.visit(ctx, name)
}

// ownName is whose progress the group is about.
func (p *socketPlayer) ownName() string {
	for _, c := range p.w.Cases {
		if token := authOf(c); token != "" && c.Kind() == Transcript {
			return p.w.rec.Tokens[token].text("username")
		}
	}
	return "root"
}

// visit opens a socket as the user and drops what it hears of that.
func (p *socketPlayer) visit(ctx context.Context, name string) (*link, error) {
	token := p.w.access[name]
	if token == "" {
		user, _, err := p.w.login(ctx, name)
		if err != nil {
			return nil, err
		}
		token = user.text("accessToken")
	}
	l := p.w.connect(ctx, "/socket.io/?EIO=4&transport=websocket", true, false, nil)
	if l.err != nil {
		return l, l.err
	}
	auth, err := json.Marshal([]string{"auth", token})
	if err != nil {
		return l, err
	}
	for _, frame := range []string{"40", "42" + string(auth)} {
		if err := l.send(frame); err != nil {
			return l, err
		}
		for {
			a, ok := l.take(soon)
			if !ok {
				return l, fmt.Errorf("no answer to %.6q", frame)
			}
			if strings.HasPrefix(a.text, "40") || strings.HasPrefix(a.text, `42["init"`) {
				break
			}
		}
	}
	return l, nil
}

// events compares what a standing socket has heard.
func (p *socketPlayer) events(ctx context.Context, c *Case, l *link) []string {
	if l == nil {
		return []string{"its socket is not open"}
	}
	s := &script{p: p, c: c, link: l, comparison: comparison{identities: &p.w.identities, said: c.sent()}}
	s.advance(ctx, true)
	return s.words
}

// presence has a user come and go, and compares what an administrator hears.
func (p *socketPlayer) presence(ctx context.Context, c *Case) []string {
	l, err := p.visit(ctx, "root")
	defer l.close()
	if err != nil {
		return []string{err.Error()}
	}
	s := &script{p: p, c: c, link: l, comparison: comparison{identities: &p.w.identities}}
	s.acts = func(f Frame) {
		var event []json.RawMessage
		var name string
		var who struct{ Username string }
		if json.Unmarshal(f.JSON, &event) != nil || len(event) < 2 || json.Unmarshal(event[0], &name) != nil ||
			json.Unmarshal(event[1], &who) != nil {
			return
		}
		switch {
		case name == "user_online":
			if p.visitor, err = p.visit(ctx, who.Username); err != nil {
				s.differ("%s cannot come: %v", who.Username, err)
			}
		case name == "user_offline" && p.visitor != nil:
			p.visitor.close()
			p.visitor = nil
		}
	}
	s.advance(ctx, true)
	return s.words
}

func (p *socketPlayer) close() {
	p.w.signedIn = nil
	for _, s := range p.scripts {
		s.link.close()
	}
	for _, l := range p.standing {
		l.close()
	}
	if p.visitor != nil {
		p.visitor.close()
	}
}

// drop forgets what has come.
func (l *link) drop() {
	for {
		if _, ok := l.take(time.Millisecond); !ok {
			return
		}
	}
}
