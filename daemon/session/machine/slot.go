package machine

import (
	"errors"

	"shelfkeeper/keychain"
)

// writeSlot starts the slot write of the newest record unless one is under way.
// After a start the machine does not know what the slots hold: one more write is
// harmless and repairs what a crash left behind.
func (m *machine) writeSlot() {
	if m.Slot.Settled < m.Record.Generation && !m.Slot.Settling && !m.Closing && (!m.Slot.Held || m.Attempt.ByUser) {
		m.Slot.Settling = true
		m.do(Settle{Generation: m.Record.Generation, Prompt: m.Attempt.ByUser})
	}
}

func (m *machine) slotWritten(f Settled) {
	m.Slot.Settling, m.Slot.Held, m.Slot.Trouble = false, false, nil
	m.Slot.Settled = max(m.Slot.Settled, f.Generation)
	if m.Step == Repairing {
		m.prepared()
		return
	}
	m.writeSlot() // a newer generation was stored meanwhile
}

func (m *machine) slotFailed(f SettleFailed) {
	m.Slot.Settling, m.Slot.Trouble = false, f.Err
	m.Slot.RetryAt = m.now.Add(settleRetry)
	// A write that hung or was refused has raised a dialog, perhaps: each further
	// one would raise another.
	m.Slot.Held = m.Signals && (errors.Is(f.Err, keychain.ErrHanging) || errors.Is(f.Err, keychain.ErrDenied))
	if m.Step == Repairing {
		m.prepared() // the journal is durable, and no session may die of a keychain
	}
}
