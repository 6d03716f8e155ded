package session

import (
	"context"
	"time"

	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/daemon/session/signin"
)

// cleanUpDeadline is short: nothing depends on it, and the account's lock is held.
const cleanUpDeadline = 10 * time.Second

// cleanUp sees to the server's list of sessions on the attempt's connection.
// What fails is tried again after a later rotation.
func (s *Session) cleanUp(ctx context.Context, e machine.CleanUp) machine.CleanedUp {
	ctx, cancel := context.WithTimeout(ctx, cleanUpDeadline)
	defer cancel()
	log := s.Log.With("account", s.Account)
	client, err := s.ready(ctx)
	if err != nil {
		log.Debug("the server's sessions could not be seen to", "reason", err)
		return machine.CleanedUp{}
	}
	if !e.Ended.IsEmpty() {
		if err := signin.Logout(ctx, client, e.Ended); err != nil {
			log.Warn("the replaced session could not be ended", "reason", err)
		}
	}
	if !e.Identify {
		return machine.CleanedUp{}
	}
	var out machine.CleanedUp
	sessions, err := client.Sessions(ctx, e.Access, e.Refresh)
	if err != nil {
		log.Debug("the server's sessions could not be listed", "reason", err)
		return out
	}
	for _, session := range sessions {
		if session.Current {
			out.SessionID = session.ID
		}
	}
	switch e.Orphan {
	case "":
	case out.SessionID:
		out.OrphanGone = true // it lives on as ours
	default:
		if err := client.EndSession(ctx, e.Access, e.Orphan); err != nil {
			log.Debug("an earlier session could not be removed", "reason", err)
			return out
		}
		out.OrphanGone = true
		log.Info("removed the server's session that was lost and replaced")
	}
	return out
}
