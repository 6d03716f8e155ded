package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
)

// KeepEmergencyKey makes an API key that stands in for a lost session of the account.
func (d *Daemon) KeepEmergencyKey(ctx context.Context, account string, days int) (control.EmergencyKeyView, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return control.EmergencyKeyView{}, err
	}
	return d.home.KeepEmergencyKeyOf(ctx, s.Session(), s.Account(), days)
}

// DropEmergencyKey forgets it and removes it at the server.
func (d *Daemon) DropEmergencyKey(ctx context.Context, account string) (control.EmergencyKeyView, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return control.EmergencyKeyView{}, err
	}
	return d.home.DropEmergencyKeyOf(ctx, s.Session(), s.Account())
}
