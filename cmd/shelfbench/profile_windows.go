package main

import (
	"context"
	"errors"
	"io"
)

// profileProxy needs signals.
func profileProxy(context.Context, io.Writer, string) error {
	return errors.New("profiles are asked for with signals, which Windows does not have")
}
