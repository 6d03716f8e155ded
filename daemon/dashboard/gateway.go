package dashboard

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// gatewayView is what stands in front of an account's server.
type gatewayView struct {
	Account, Title, Path, Back string
	Parts                      []partView
	Kinds                      []kindView
	CSRF                       string
}

// partView is one setting of a gateway.
type partView struct {
	GatewayPart
	Label, Note string
}

// kindView is a form for one kind of setting.
type kindView struct {
	Kind  GatewayKind
	Open  bool // it was sent and is not in order
	Typed map[string]string
}

var gatewayKinds = []GatewayKind{GatewayHeader, GatewayBasic, GatewayCert, GatewayCA, GatewayPin, GatewayProxy, GatewayAgent}

func (s *Server) showGateway(w http.ResponseWriter, r *request) {
	s.gatewayPage(w, r, http.StatusOK, frame{}, "")
}

func (s *Server) gatewayPage(w http.ResponseWriter, r *request, status int, f frame, wrong GatewayKind) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	parts, err := s.cfg.Daemon.Gateway(r.Context(), a.Name)
	if err != nil && f.Trouble == nil {
		f.Trouble = troubleOf(err)
	}
	v := gatewayView{Account: a.Name, Title: titleOfAccount(a), Path: accountPath(a.Name, "gateway"), Back: accountPath(a.Name),
		CSRF: s.keys.token(r.session)}
	for _, p := range parts {
		one := partView{GatewayPart: p, Label: text("gate." + string(p.Kind))}
		var notes []string
		if len(p.For) > 0 {
			notes = append(notes, text("gate.for", strings.Join(p.For, ", ")))
		}
		if !p.Until.IsZero() {
			notes = append(notes, text("gate.until", when(p.Until, time.Now()).Words))
		}
		if p.Logged {
			notes = append(notes, text("gate.logged"))
		}
		if p.Elsewhere {
			notes = append(notes, text("gate.elsewhere"))
		}
		one.Note = strings.Join(notes, " ")
		v.Parts = append(v.Parts, one)
	}
	for _, kind := range gatewayKinds {
		k := kindView{Kind: kind, Open: kind == wrong, Typed: map[string]string{}}
		if k.Open { // what is secret is typed again
			for _, name := range []string{"name", "user", "header", "for", "pin", "agent"} {
				k.Typed[name] = r.PostFormValue(name)
			}
		}
		v.Kinds = append(v.Kinds, k)
	}
	f.Title, f.Here, f.Body = text("gate.title", v.Title), "settings", v
	s.page(w, r, status, "gateway", f)
}

func (s *Server) setGateway(w http.ResponseWriter, r *request) {
	a, ok := s.named(w, r)
	if !ok {
		return
	}
	kind := GatewayKind(r.PostFormValue("kind"))
	change, err := changeOf(r, kind)
	if err == nil && change.IsZero() {
		s.gatewayPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: &trouble{Text: text("gate.empty")}}, kind)
		return
	}
	if err == nil {
		err = s.cfg.Daemon.SetGateway(r.Context(), a.Name, change)
	}
	if err != nil {
		s.gatewayPage(w, r, http.StatusUnprocessableEntity, frame{Trouble: troubleOf(err)}, kind)
		return
	}
	done(w, r, accountPath(a.Name, "gateway"), "act.gateway")
}

// changeOf reads a form about one kind of setting. With "remove" it takes the
// setting back. A flat switch shows the fields of each form at one glance.
func changeOf(r *request, kind GatewayKind) (c upstream.GatewayChange, err error) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	remove := field("remove") != ""
	var to []string
	for _, line := range strings.Fields(field("for")) {
		address, err := upstream.ParseFor(line)
		if err != nil {
			return c, err
		}
		to = append(to, address)
	}
	switch name := field("name"); kind {
	case GatewayHeader:
		if value := redact.New(field("value")); name != "" && (remove || !value.IsEmpty()) {
			c.Headers = []upstream.GatewayHeader{{Name: name, Value: value, For: to}}
		}
	case GatewayBasic:
		if user := field("user"); user != "" || remove {
			c.Basic = &upstream.Basic{User: user, Password: redact.New(r.PostFormValue("password")), Header: field("header"), For: to}
		}
	case GatewayCert:
		if remove {
			c.ClientCert = &upstream.ClientCert{}
		} else if chain := field("chain"); chain != "" {
			c.ClientCert, err = upstream.ClientCertPEM([]byte(chain), []byte(field("chain")+"\n"+field("key")))
			if err == nil {
				c.ClientCert.For = to
			}
		}
	case GatewayCA:
		if ca := field("ca"); ca != "" || remove {
			c.CA = &ca
		}
	case GatewayPin:
		if pin := field("pin"); pin != "" || remove {
			c.Pin = &upstream.Pin{SHA256: pin, For: to}
		}
	case GatewayProxy:
		if proxy := redact.New(field("proxy")); !proxy.IsEmpty() || remove {
			c.Proxy = &proxy
		}
	case GatewayAgent:
		if agent := field("agent"); agent != "" || remove {
			c.UserAgent = &agent
		}
	}
	return c, err
}

// gatewayFields are those of a first sign-in: what most gateways want.
const gatewayFields = 2

// firstGateway reads what a first sign-in says of a gateway.
func firstGateway(r *request) (c upstream.GatewayChange) {
	for i := range gatewayFields {
		suffix := string(rune('1' + i))
		name, value := strings.TrimSpace(r.PostFormValue("header"+suffix)), redact.New(strings.TrimSpace(r.PostFormValue("value"+suffix)))
		if name != "" && !value.IsEmpty() {
			c.Headers = append(c.Headers, upstream.GatewayHeader{Name: name, Value: value})
		}
	}
	if user := strings.TrimSpace(r.PostFormValue("basic")); user != "" {
		c.Basic = &upstream.Basic{User: user, Password: redact.New(r.PostFormValue("basicpass")), Header: r.PostFormValue("basicheader")}
	}
	if proxy := redact.New(strings.TrimSpace(r.PostFormValue("proxy"))); !proxy.IsEmpty() {
		c.Proxy = &proxy
	}
	if ca := strings.TrimSpace(r.PostFormValue("ca")); ca != "" {
		c.CA = &ca
	}
	return c
}

const (
	// pendingLife is how long a first sign-in may take.
	pendingLife = 30 * time.Minute
	// maxPending bounds the sign-ins that are under way.
	maxPending = 4
)

// pendingGateways keep what a first sign-in said of a gateway until it is done: a
// secret stands in no page.
type pendingGateways struct {
	mu   sync.Mutex
	list map[[16]byte]pendingGateway
}

type pendingGateway struct {
	server string
	change upstream.GatewayChange
	until  time.Time
}

// put keeps a change for a browser and the server that it found.
func (p *pendingGateways) put(s session, server string, c upstream.GatewayChange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for id, one := range p.list {
		if now.After(one.until) || id == s.id {
			delete(p.list, id)
		}
	}
	if c.IsZero() {
		return
	}
	if p.list == nil || len(p.list) >= maxPending {
		p.list = make(map[[16]byte]pendingGateway)
	}
	p.list[s.id] = pendingGateway{server, c, now.Add(pendingLife)}
}

// of returns the change for a browser at a server, none where there is none.
func (p *pendingGateways) of(s session, server string) upstream.GatewayChange {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.list[s.id]; one.server == server && time.Now().Before(one.until) {
		return one.change
	}
	return upstream.GatewayChange{}
}
