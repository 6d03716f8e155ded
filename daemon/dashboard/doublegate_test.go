package dashboard

import (
	"context"
	"fmt"
	"strings"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
)

// gateOf is a change in one word, secrets included.
func gateOf(c upstream.GatewayChange) (said string) {
	for _, h := range c.Headers {
		said += fmt.Sprintf(" header %s=%s for %v", h.Name, h.Value.Reveal(), h.For)
	}
	if c.Basic != nil {
		said += " basic " + c.Basic.User + ":" + c.Basic.Password.Reveal() + " in " + c.Basic.Header
	}
	if c.ClientCert != nil {
		said += fmt.Sprint(" cert ", strings.Contains(c.ClientCert.Chain, "CERTIFICATE"), strings.Contains(c.ClientCert.Key.Reveal(), "KEY"))
	}
	if c.Proxy != nil {
		said += " proxy " + c.Proxy.Reveal()
	}
	if c.CA != nil {
		said += " ca " + *c.CA
	}
	if c.Pin != nil {
		said += " pin " + c.Pin.SHA256
		if len(c.Pin.For) > 0 {
			said += fmt.Sprintf(" for %v", c.Pin.For)
		}
	}
	if c.UserAgent != nil {
		said += " agent " + *c.UserAgent
	}
	return said
}

func (d *double) Gateway(context.Context, string) ([]GatewayPart, error) { return d.gateway, nil }

func (d *double) SetGateway(_ context.Context, account string, change upstream.GatewayChange) error {
	d.did("gateway " + account + gateOf(change))
	if c := gateOf(change); strings.Contains(c, "bad") {
		return problem.Newf(problem.Usage, "", "a <bad> one")
	}
	return nil
}
