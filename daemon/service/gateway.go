package service

import "context"

// ReloadGateway reads anew what the gateway in front of the server wants, and tries
// everything that waits for the server with it.
func (s *Service) ReloadGateway(ctx context.Context) error {
	if err := s.up.Reload(ctx); err != nil {
		return err
	}
	s.watchdog.wake()
	s.back("the gateway's settings")
	return nil
}
