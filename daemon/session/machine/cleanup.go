package machine

import (
	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// One machine has one session on the server, and its spare. Releases that let
// a user see his sessions (from 2.36.0 on) tell which one is ours; one that
// was lost and replaced is then removed by that id. Nothing waits for it: the
// pair is published before.

// cleanUp ends an attempt that obtained something new. Before that it asks for the
// id of our session, and ends earlier sessions that nobody uses any more.
func (m *machine) cleanUp() {
	rec := m.Record
	known := !absapi.SupportsSessions(m.Version) || rec.SessionID != "" && rec.Orphan == ""
	if m.Closing || !rec.Static.IsEmpty() || !m.Usable(m.now) || known && m.Attempt.Replaced.IsEmpty() {
		m.finish(m.Attempt.Outcome)
		return
	}
	m.Step = CleaningUp
	e := CleanUp{Access: rec.Access, Refresh: rec.Refresh, Ended: m.Attempt.Replaced}
	if !known {
		e.Identify, e.Orphan = true, rec.Orphan
	}
	m.do(e)
}

func (m *machine) cleanedUp(f CleanedUp) {
	if m.Step != CleaningUp {
		return
	}
	m.Attempt.Replaced = redact.Secret{}
	rec := m.Record
	if f.SessionID != "" {
		rec.SessionID = f.SessionID
	}
	if f.OrphanGone {
		rec.Orphan = ""
	}
	if rec == m.Record {
		m.finish(m.Attempt.Outcome)
		return
	}
	m.Step = RecordingID
	m.do(Commit{Record: rec})
}
