package dashboard

import (
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// gatewayFields is how many headers a first sign-in has fields for.
const gatewayFields = 4

// firstGateway reads what a first sign-in says of a gateway.
func firstGateway(r *request) (c upstream.GatewayChange, err error) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	to, err := addressesOf(field("for"))
	if err != nil {
		return c, err
	}
	for i := range gatewayFields {
		suffix := string(rune('1' + i))
		name, value := field("header"+suffix), redact.New(field("value"+suffix))
		if name != "" && !value.IsEmpty() {
			c.Headers = append(c.Headers, upstream.GatewayHeader{Name: name, Value: value, For: to})
		}
	}
	if user := field("basic"); user != "" {
		c.Basic = &upstream.Basic{User: user, Password: redact.New(r.PostFormValue("basicpass")), Header: r.PostFormValue("basicheader"),
			For: to}
	}
	if c.ClientCert, err = certOf(r); err != nil {
		return upstream.GatewayChange{}, err
	} else if c.ClientCert != nil {
		c.ClientCert.For = to
	}
	if pin := field("pin"); pin != "" {
		c.Pin = &upstream.Pin{SHA256: pin, For: to}
	}
	if proxy := redact.New(field("proxy")); !proxy.IsEmpty() {
		c.Proxy = &proxy
	}
	if ca := r.typedOrFile("ca"); ca != "" {
		c.CA = &ca
	}
	if agent := field("agent"); agent != "" {
		c.UserAgent = &agent
	}
	return c, nil
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
