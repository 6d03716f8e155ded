package main

import (
	"os"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
)

// newKeychainOp is the child process in which each call to the desktop's
// keychain is made. Its argument is the parent's version: where the file of a
// running program can be replaced, the two may differ.
func newKeychainOp(e *env) *cobra.Command {
	return &cobra.Command{
		Use:    "keychain-op VERSION",
		Hidden: true,
		Args:   oneArg("the parent's version"),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != version {
				return problem.Newf(problem.Vault, "restart Shelfkeeper", "Shelfkeeper was upgraded from %s to %s while it ran", args[0],
					version)
			}
			if code := keychain.RunOp(e.stdin, e.stdout); code != 0 {
				os.Exit(code) // the parent reads the code; nothing is open here
			}
			return nil
		},
	}
}
