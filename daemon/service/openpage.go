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
	if !players.NamesUsers {
		return "", problem.Newf(problem.Other, "run `shelfkeeper players add browser --scope "+string(sc)+
			"`, open the account's address in the browser, and sign in there with any name and that grant as the password",
			"this system does not say which user a browser belongs to, and an address could be read off its list of processes")
	}
	url, err := s.proxy.OpenURL(sc)
	if err != nil {
		return "", problem.New(problem.Other, err, "")
	}
	s.proxy.LearnUser(ctx) // whether the account administers the server
	return url, nil
}
