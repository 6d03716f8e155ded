package statuspage

import (
	"context"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/upstream"
)

func (d acts) Gateway(ctx context.Context, account string) ([]dashboard.GatewayPart, error) {
	view, err := d.cfg.Daemon.Gateway(ctx, account)
	return partsOf(view), err
}

func (d acts) SetGateway(ctx context.Context, account string, change upstream.GatewayChange) error {
	_, err := d.cfg.Daemon.SetGateway(ctx, account, change)
	return err
}

func (d acts) Unvouched(ctx context.Context, account string) (*absapi.Unvouched, error) {
	return d.cfg.Disk.Unvouched(ctx, account)
}

// partsOf lists what a gateway's settings are.
func partsOf(v control.GatewayView) (parts []dashboard.GatewayPart) {
	add := func(kind dashboard.GatewayKind, name string, to []string) {
		parts = append(parts, dashboard.GatewayPart{Kind: kind, Name: name, For: to})
	}
	for _, h := range v.Headers {
		add(dashboard.GatewayHeader, h.Name, h.For)
	}
	if b := v.Basic; b != nil {
		add(dashboard.GatewayBasic, b.User+", "+b.Header, b.For)
		parts[len(parts)-1].Logged = b.TokenInURL
	}
	if c := v.ClientCert; c != nil {
		add(dashboard.GatewayCert, c.Subject, c.For)
		parts[len(parts)-1].Until = c.NotAfter
	}
	if len(v.CA) > 0 {
		var names []string
		for _, c := range v.CA {
			names = append(names, c.Subject)
		}
		add(dashboard.GatewayCA, strings.Join(names, "; "), nil)
		parts[len(parts)-1].Until = v.CA[0].NotAfter
	}
	if v.Pin != nil {
		add(dashboard.GatewayPin, v.Pin.SHA256, v.Pin.For)
	}
	if v.Proxy != "" {
		add(dashboard.GatewayProxy, v.Proxy, nil)
		parts[len(parts)-1].Elsewhere = v.ProxyFrom != "account"
	}
	if v.UserAgent != "" {
		add(dashboard.GatewayAgent, v.UserAgent, nil)
	}
	for _, name := range v.FromConfig {
		add(dashboard.GatewayHeader, name, nil)
		parts[len(parts)-1].Elsewhere = true
	}
	return parts
}
