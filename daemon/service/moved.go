package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

const (
	// moveFirst and moveMost are the pauses between the questions whether a
	// server that does not answer has moved.
	moveFirst = 2 * time.Second
	moveMost  = 5 * time.Minute
	// moveDeadline bounds one such question with its redirects.
	moveDeadline = time.Minute
)

// moveWatch notices that a server of plain http sends its clients to https on
// the same host. It does not follow by itself: the session's secrets are bound
// to the address that the user has named.
type moveWatch struct {
	base  *url.URL
	name  string // of the account
	board *health.Board
	find  func(ctx context.Context) (*url.URL, error)
	log   *slog.Logger
}

func (s *Service) newMoveWatch(reach func(base *url.URL) (*upstream.Upstream, error)) *moveWatch {
	open := func(base *url.URL) (absapi.Doer, func(), error) {
		up, err := reach(base)
		if err != nil {
			return nil, nil, err
		}
		conn := up.Private()
		return conn, func() { conn.Close(); up.Close() }, nil
	}
	m := &moveWatch{base: s.up.Base(), name: s.account.Name, board: s.board, log: s.log}
	m.find = func(ctx context.Context) (*url.URL, error) {
		found, err := absapi.Discover(ctx, open, m.base.String())
		return found.Base, err
	}
	return m
}

// run asks while the server is out of reach, until ctx ends.
func (m *moveWatch) run(ctx context.Context) {
	if m.base.Scheme != "http" {
		return
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = moveFirst, moveMost
	for {
		view, next, raised := m.board.View()
		var due <-chan time.Time
		switch view.Condition {
		case health.ServerUnreachable.ID, health.NoAnswer.ID, health.RenewalFails.ID, health.SocketDown.ID, health.ServerMoved.ID:
			due, raised = time.After(pause.NextBackOff()), nil
			m.look(ctx)
		default:
			pause.Reset()
			if !next.IsZero() {
				due = time.After(time.Until(next))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-raised:
		case <-due:
		}
	}
}

// look asks once where the server is now.
func (m *moveWatch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, moveDeadline)
	defer cancel()
	at, err := m.find(ctx)
	switch {
	case err != nil:
		m.log.Debug("the server is not found at another address", "reason", redact.Text(err.Error()))
	case at.Scheme == "https" && strings.EqualFold(at.Hostname(), m.base.Hostname()):
		m.board.RaiseWith(&health.ServerMoved, fmt.Sprintf("%s leads to %s", m.base, at),
			fmt.Sprintf("sign in there: `shelfkeeper login %s --account %s`; players keep their address", at, m.name))
	case at.String() == m.base.String():
		m.board.Clear(&health.ServerMoved)
	}
}
