package service

import (
	"context"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
)

// OpenPage returns an address under which the account's web page opens once, signed in
// with a scope. Its error is a *problem.Problem.
func (s *Service) OpenPage(ctx context.Context, scope string) (string, error) {
	sc, err := players.ParseScope(scope)
	if err != nil {
		return "", problem.New(problem.Usage, err, "")
	}
	url, err := s.proxy.OpenURL(sc)
	if err != nil {
		return "", problem.New(problem.Other, err, "")
	}
	s.proxy.LearnUser(ctx) // whether the account administers the server
	return url, nil
}
