package service

import "shelfkeeper/daemon/health"

// Raise says that something holds that another part of the program knows of.
func (s *Service) Raise(c *health.Condition, detail string) { s.board.Raise(c, detail) }

// Clear says that it does not hold any more.
func (s *Service) Clear(c *health.Condition) { s.board.Clear(c) }
