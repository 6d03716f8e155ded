package service

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
)

// Acts are the acts of the control API that need nothing but the account's own service.
type Acts struct {
	// Of returns the service of an account; an empty name means the only one.
	Of func(account string) (*Service, error)
}

// SetAside returns the reports of listening that an account's server refused.
func (a Acts) SetAside(_ context.Context, account string) ([]control.SetAsideReport, error) {
	s, err := a.Of(account)
	if err != nil {
		return nil, err
	}
	return s.SetAside(), nil
}

// RetrySetAside lets these reports, or all, wait for the server once more.
func (a Acts) RetrySetAside(_ context.Context, account string, ids []uint64) (int, error) {
	s, err := a.Of(account)
	if err != nil {
		return 0, err
	}
	return s.RetrySetAside(ids)
}

// DropSetAside deletes these reports, or all.
func (a Acts) DropSetAside(_ context.Context, account string, ids []uint64) (int, error) {
	s, err := a.Of(account)
	if err != nil {
		return 0, err
	}
	return s.DropSetAside(ids)
}

// OpenPage returns an address under which the account's web page opens once.
func (a Acts) OpenPage(ctx context.Context, account, scope string) (string, error) {
	s, err := a.Of(account)
	if err != nil {
		return "", err
	}
	return s.OpenPage(ctx, scope)
}

// Title asks the server of an account what a stream is called.
func (a Acts) Title(ctx context.Context, account string, stream health.Stream) (string, error) {
	s, err := a.Of(account)
	if err != nil {
		return "", err
	}
	return s.Title(ctx, stream)
}
