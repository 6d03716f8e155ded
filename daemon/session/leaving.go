package session

// signOutAsked waits for an attempt in flight: a logout that overtakes a
// refresh would delete by a token that is no longer the current one.
func (m *machine) signOutAsked() {
	if m.Closing || m.Step == erasing {
		return
	}
	m.LeaveAfter = true
	if !m.busy() {
		m.leaveIfAsked()
	}
}

func (m *machine) leaveIfAsked() {
	if m.LeaveAfter && m.Step == idle {
		m.LeaveAfter, m.Step = false, erasing
		m.do(Erase{Token: m.Record.Refresh})
	}
}

func (m *machine) erased(f Erased) {
	if m.Step != erasing {
		return
	}
	m.Step = idle
	if f.Err != nil {
		m.Trouble = f.Err
		return
	}
	m.forget()
}
