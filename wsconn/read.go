package wsconn

import (
	"errors"
	"io"
)

// errNoTurn is the error of a large frame that got no turn in time.
var errNoTurn = errors.New("no turn for a large frame")

// read reads the next frame. Beyond smallFrame it waits for a turn, which ends with
// endTurn or with Event.release.
func (c *Conn) read() (kind int, frame []byte, err error) {
	kind, src, err := c.ws.NextReader()
	if err != nil {
		return kind, nil, err
	}
	frame, err = io.ReadAll(io.LimitReader(src, smallFrame))
	if err != nil || len(frame) < smallFrame {
		return kind, frame, err
	}
	if !c.turn.take(c.quit) {
		return kind, nil, errNoTurn
	}
	c.holdsOne = true
	for {
		if len(frame) == cap(frame) {
			// The reader of ws fails beyond MaxPacket.
			larger := make([]byte, len(frame), min(2*cap(frame), MaxPacket+1))
			copy(larger, frame)
			frame = larger
		}
		n, err := src.Read(frame[len(frame):cap(frame)])
		frame = frame[:len(frame)+n]
		if errors.Is(err, io.EOF) {
			return kind, frame, nil
		}
		if err != nil {
			return kind, nil, err
		}
	}
}
