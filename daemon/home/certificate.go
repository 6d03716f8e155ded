package home

import (
	"context"
	"errors"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/control"
)

// Unvouched returns the certificate of the account's server that only a person can vouch
// for, at the first of its addresses that shows such a one; nil where each certificate is
// believed. Nothing secret leaves.
func (h *Home) Unvouched(ctx context.Context, account string) (*absapi.Unvouched, error) {
	ctx, cancel := context.WithTimeout(ctx, signInDeadline)
	defer cancel()
	a, err := h.accountNamed(account)
	if err != nil {
		return nil, err
	}
	g, err := h.gateway(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	up, err := h.Reach(a)
	if err != nil {
		return nil, err
	}
	defer up.Close()
	var failure error
	for _, base := range up.Addresses() {
		if base.Scheme != "https" {
			continue
		}
		_, err := h.find(ctx, control.SignInRequest{Server: base.String(), Account: a.Name}, g.WithoutSecrets())
		var found *absapi.DiscoverError
		if errors.As(err, &found) && found.Unvouched != nil {
			return found.Unvouched, nil
		}
		if failure == nil {
			failure = err
		}
	}
	return nil, failure
}
