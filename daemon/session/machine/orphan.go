package machine

import (
	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// One machine has one session on the server, and its spare. Releases that let
// a user see his sessions (from 2.36.0 on) tell which one is ours; one that
// was lost and replaced is then removed by that id. Nothing waits for it: the
// pair is published before.

// tidy ends an attempt that brought something new, after asking for the id of
// our session and seeing to earlier ones.
func (m *machine) tidy() {
	rec := m.Record
	known := !absapi.SupportsSessions(m.Version) || rec.SessionID != "" && rec.Orphan == ""
	if m.Closing || !rec.Static.IsEmpty() || !m.Usable(m.now) || known && m.Ending.IsEmpty() {
		m.finish(m.Outcome)
		return
	}
	m.Step = Tidying
	e := Tidy{Access: rec.Access, Refresh: rec.Refresh, Ended: m.Ending}
	if !known {
		e.Identify, e.Orphan = true, rec.Orphan
	}
	m.do(e)
}

func (m *machine) tidied(f Tidied) {
	if m.Step != Tidying {
		return
	}
	m.Ending = redact.Secret{}
	rec := m.Record
	if f.SessionID != "" {
		rec.SessionID = f.SessionID
	}
	if f.OrphanGone {
		rec.Orphan = ""
	}
	if rec == m.Record {
		m.finish(m.Outcome)
		return
	}
	m.Step = Noting
	m.do(Commit{Record: rec})
}
