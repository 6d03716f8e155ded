package absfake

// What follows is the change of a session from requests to a WebSocket.
// engine.io 6.5: lib/socket, maybeUpgrade

// offerLocked begins an upgrade to a WebSocket.
func (x *socketSession) offerLocked(t *wsTransport) {
	x.candidate = t
	x.upgradeBy = x.s.afterLocked(upgradeTimeout, func() { x.dropCandidateLocked(t) })
}

// dropCandidateLocked ends an upgrade that has failed; the session goes on.
func (x *socketSession) dropCandidateLocked(t *wsTransport) {
	if x.candidate != t {
		return
	}
	x.candidate = nil
	x.upgradeBy.stop()
	x.checkAt.stop()
	t.close(func() {})
}

// candidateLocked takes a packet that came over the new transport.
func (x *socketSession) candidateLocked(t *wsTransport, kind byte, data string) {
	switch {
	case kind == packetPing && data == "probe":
		t.send([]string{string(packetPong) + "probe"})
		x.checkLocked()
	case kind == packetUpgrade && x.state != socketClosed:
		x.candidate = nil
		x.upgradeBy.stop()
		x.checkAt.stop()
		x.pongBy.stop()
		x.transport.discard()
		x.upgraded = true
		old := x.transport
		x.transport = t
		old.close(func() {})
		x.s.ledger.socketUpgraded(x.record, t.name())
		x.flushLocked()
		if x.state == socketClosing {
			t.close(func() { x.closedLocked(reasonForced) })
		}
	default:
		x.dropCandidateLocked(t)
	}
}

// checkLocked lets a waiting GET go, so that the client can leave the old
// transport.
func (x *socketSession) checkLocked() {
	x.checkAt.stop()
	x.checkAt = x.s.afterLocked(upgradeCheck, func() {
		if x.transport.name() == transportPolling && x.transport.ready() {
			x.transport.send([]string{string(packetNoop)})
		}
		x.checkLocked()
	})
}
