package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/transfers"
)

// Transfer is a book or an episode that is sent to a player, or was just now.
type Transfer struct {
	transfers.Transfer
	Program string // as in Visitor
}

// Transfers returns what is sent to players at this moment, the newest first.
func (s *Server) Transfers() []Transfer {
	list := s.transfers.List()
	out := make([]Transfer, 0, len(list))
	for _, t := range list {
		key := visitorKey{t.Player.Agent, t.Player.Grant, players.Scope(t.Player.Scope)}
		out = append(out, Transfer{t, s.visitors.programOf(key)})
	}
	return out
}

// beginPiece counts the answer to c in where it is media; nil where it is not.
func (s *Server) beginPiece(c *call) *transfers.Piece {
	if c.r.Method != http.MethodGet {
		return nil
	}
	media, ok := c.media()
	if !ok {
		return nil
	}
	key := keyOf(c)
	return s.transfers.Begin(transfers.Player{Agent: key.agent, Grant: key.grant, Scope: string(key.scope)}, media)
}

// detailWait bounds a question that nobody waits for long.
const detailWait = 10 * time.Second

// Detail asks the server for a route of its API, as the account's user would, and
// returns the JSON without a token in it. limit bounds the answer in bytes.
func (s *Server) Detail(ctx context.Context, path string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, detailWait)
	defer cancel()
	if !s.enter() {
		return nil, http.ErrServerClosed
	}
	defer s.handlers.Done()
	status, body, no := s.question(ctx, answers.Question{Method: http.MethodGet, Path: path, WithToken: true, Limit: limit})
	switch {
	case no != nil:
		return nil, errors.New(no.Cause)
	case status != http.StatusOK:
		return nil, fmt.Errorf("the server answers %d", status)
	}
	return body, nil
}
