package service

import (
	"context"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
)

// Search finds what the account can hear. Its error is a *problem.Problem.
func (s *Service) Search(ctx context.Context, words string) (library.Found, error) {
	return s.proxy.Shelf().Search(ctx, words)
}

// Episodes returns the newest episodes of a podcast. Its error is a *problem.Problem.
func (s *Service) Episodes(ctx context.Context, podcast string) (library.Found, error) {
	return s.proxy.Shelf().Episodes(ctx, podcast)
}

// playerName is how the sign-in of our own player is called in the list of players.
const playerName = "shelfkeeper play"

// PlayerGrant begins a sign-in of our own player, to listen. It ends with the player's
// process at the latest.
func (s *Service) PlayerGrant(ctx context.Context, player players.Process) (access, refresh string, err error) {
	_, pair, err := s.identities.SignInUntil(ctx, players.Own(), playerName, player)
	if err != nil {
		return "", "", problem.New(problem.Vault, err, "see what is wrong: `shelfkeeper status`")
	}
	return pair.Access, pair.Refresh, nil
}

// Cover returns a small picture of an item, and its type.
func (s *Service) Cover(ctx context.Context, item string) (kind string, picture []byte, err error) {
	return s.proxy.Cover(ctx, item)
}
