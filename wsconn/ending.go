package wsconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

const cutEvidence = "the connection of the live socket was cut"

// end translates an error of reading or writing into the reason for the end.
func (c *Conn) end(err error, due time.Time, missed string) error {
	c.mu.Lock()
	why, closing := c.why, c.closing
	c.mu.Unlock()
	var closed *websocket.CloseError
	switch {
	case why != nil:
		return why
	case closing:
		return ErrClosed
	case errors.As(err, &closed) && closed.Code == websocket.CloseAbnormalClosure:
		return &TemporaryError{Away: true, Evidence: cutEvidence, Err: err}
	case errors.As(err, &closed):
		evidence := "the server closed the live socket"
		if closed.Code != websocket.CloseNoStatusReceived {
			evidence += fmt.Sprintf(" (%d)", closed.Code)
		}
		return &TemporaryError{Away: true, Evidence: evidence, Err: err}
	case errors.Is(err, websocket.ErrReadLimit):
		return &TemporaryError{Evidence: "the server sent more at once than a live socket may carry", Err: err}
	case !due.IsZero() && !time.Now().Before(due):
		return &TemporaryError{Away: true, Evidence: missed, Err: err}
	case errors.As(err, new(net.Error)), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return &TemporaryError{Away: true, Evidence: cutEvidence, Err: err}
	}
	return &TemporaryError{Evidence: "the live socket broke: " + quote(err.Error()), Err: err}
}

// orCause returns ctx's cause when ctx has ended the connection, else err.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ErrClosed) {
		return context.Cause(ctx)
	}
	return err
}
