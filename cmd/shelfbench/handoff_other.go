//go:build !linux

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// newHandoff needs network namespaces.
func newHandoff() *cobra.Command {
	return &cobra.Command{
		Use: "handoff", Short: "What clients notice of networks that change, vanish and come back", Args: cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("handoff needs network namespaces: it runs on Linux only")
		},
	}
}
