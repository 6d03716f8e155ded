//go:build windows || darwin

package keychain

import (
	"context"
	"fmt"

	"github.com/zalando/go-keyring"
)

// operate performs a call. Its library knows no deadline, so the parent kills
// this process when the time is over.
func operate(_ context.Context, op callOp) (value string, keep bool, err error) {
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
	return value, false, err
}
