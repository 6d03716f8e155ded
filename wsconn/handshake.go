package wsconn

import (
	"encoding/json"
	"fmt"
	"time"
)

// maxHeartbeat is the longest heartbeat interval or timeout that is accepted.
// ABS has 25 and 20 s. With more than an hour a dead connection would look alive
// for too long, and no Engine.IO server announces that.
const maxHeartbeat = time.Hour

// handshake holds the heartbeat settings of the server's open packet. A packet
// of any kind is due within the sum of both.
type handshake struct {
	interval, timeout time.Duration
}

// parseHandshake reads the payload of an EngineOpen packet.
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
	return handshake{interval: ping, timeout: patience}, nil
}

// milliseconds converts n and reports whether a heartbeat can have it.
func milliseconds(n int64) (time.Duration, bool) {
	if n <= 0 || n > maxHeartbeat.Milliseconds() {
		return 0, false
	}
	return time.Duration(n) * time.Millisecond, true
}
