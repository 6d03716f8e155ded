package machine

// owe starts the slot write of the newest record unless one is under way. At
// the start nothing is known of the slots: writing once more is harmless, and
// repairs what a crash left behind.
func (m *machine) owe() {
	if m.Settled < m.Record.Generation && !m.Settling && !m.Closing {
		m.Settling = true
		m.do(Settle{Generation: m.Record.Generation, Prompt: m.ByUser})
	}
}

func (m *machine) settled(f Settled) {
	m.Settling, m.SlotTrouble = false, nil
	m.Settled = max(m.Settled, f.Generation)
	if m.Step == Repairing {
		m.prepared()
		return
	}
	m.owe() // a newer generation landed meanwhile
}

func (m *machine) settleFailed(f SettleFailed) {
	m.Settling, m.SlotTrouble = false, f.Err
	m.SettleAt = m.now.Add(settleRetry)
	if m.Step == Repairing {
		m.prepared() // the journal is durable, and no session may die of a keychain
	}
}
