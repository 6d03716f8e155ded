package keychain

import (
	"context"
	"fmt"
)

// gate is a mutex whose waiting a context ends.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g gate) leave() { <-g }

// enterKeychain enters a gate behind which a keychain call may hang. It waits
// no longer than such a call may take; then the keychain is as good as hanging
// for this caller too.
func (g gate) enterKeychain(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, timeoutFor(ctx))
	defer cancel()
	err := g.enter(bounded)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: an earlier call is still waiting for it", ErrHanging)
	}
	return err
}
