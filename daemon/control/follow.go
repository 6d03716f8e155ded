package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/health"
)

// ErrEnded says that the daemon ended the event stream: it quits or was killed.
var ErrEnded = errors.New("the daemon ended the event stream")

// Events calls each with the present snapshot and after every change. It ends when
// ctx ends, when each returns an error, or when the daemon is gone. It returns
// that error, or one that wraps ErrEnded, or the reason why there is no stream. A
// slow each misses intermediate states, never the last one. Calls do not overlap.
func (c *Client) Events(ctx context.Context, each func(health.Snapshot) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(answerTimeout, func() { cancel(errSilent) })
	defer silence.Stop()
	resp, err := c.open(ctx, callEvents, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, answerLimit)
	for lines.Scan() {
		silence.Stop() // only the first line is due at once
		var s health.Snapshot
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("control socket %s: read an event: %w", c.path, err)
		}
		if err := each(s); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case context.Cause(ctx) != nil:
		return c.because(ctx, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return ErrEnded
}
