//go:build windows || darwin

package keychain

import (
	"context"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"
)

// operate performs a call. Its library knows no deadline, so the parent kills
// this process when the time is over.
func operate(ctx context.Context, op callOp) (value string, keep bool, err error) {
	switch op.Op {
	case opGet:
		value, err = keyring.Get(op.Service, op.Item)
	case opSet:
		err = keyring.Set(op.Service, op.Item, op.Value)
	case opDelete:
		err = keyring.Delete(op.Service, op.Item)
	default:
		err = fmt.Errorf("unknown operation %q", op.Op)
	}
	if errors.Is(err, keyring.ErrNotFound) {
		err = missing(ctx, op)
	}
	return value, false, err
}
