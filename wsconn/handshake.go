package wsconn

import (
	"encoding/json"
	"fmt"
	"time"
)

// maxHeartbeat is the longest interval or patience that is believed. ABS has
// 25 and 20 s; what says more than an hour is no Engine.IO server, and a
// connection that had died would look alive for too long.
const maxHeartbeat = time.Hour

// handshake is what the server says of its heartbeats when it opens. A packet of
// any kind is due within the sum of both.
type handshake struct {
	ping, patience time.Duration
}

// parseHandshake reads the payload of an EngineOpen.
func parseHandshake(data []byte) (handshake, error) {
	var open struct {
		SID          string `json:"sid"`
		PingInterval int64  `json:"pingInterval"`
		PingTimeout  int64  `json:"pingTimeout"`
	}
	if err := json.Unmarshal(data, &open); err != nil {
		return handshake{}, fmt.Errorf("%w: what it opened with does not decode", ErrPacket)
	}
	ping, ok1 := milliseconds(open.PingInterval)
	patience, ok2 := milliseconds(open.PingTimeout)
	if open.SID == "" || !ok1 || !ok2 {
		return handshake{}, fmt.Errorf("%w: it opened without an id or with heartbeats out of range", ErrPacket)
	}
	return handshake{ping: ping, patience: patience}, nil
}

// milliseconds is n as a duration, and whether that is one for a heartbeat.
func milliseconds(n int64) (time.Duration, bool) {
	if n <= 0 || n > maxHeartbeat.Milliseconds() {
		return 0, false
	}
	return time.Duration(n) * time.Millisecond, true
}
