package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/proxy/answers"
)

// Shelf is what the server's libraries hold for the account's user.
func (s *Server) Shelf() *library.Library { return s.shelf }

// shelfWait bounds one question about a library: some servers take seconds to search a
// large one.
const shelfWait = 30 * time.Second

// askShelf asks the server for a route of its API, with the account's session. A
// temporary failure is waited out as for a player.
func (s *Server) askShelf(ctx context.Context, path, query string, limit int64) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, shelfWait)
	defer cancel()
	if !s.enter() {
		return 0, nil, http.ErrServerClosed
	}
	defer s.handlers.Done()
	status, body, no := s.question(ctx, answers.Question{Method: http.MethodGet, Path: path, Query: query, WithToken: true, Limit: limit})
	if no != nil {
		return 0, nil, errors.New(no.Cause)
	}
	return status, body, nil
}
