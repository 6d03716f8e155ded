package main

import (
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
)

// newOpenIDReturn is the program that the desktop starts with the address at
// which a sign-in ended. It takes the address to the process that waits for it: the daemon, or a
// command that found no daemon. Any web page can have it started with any address, so
// it believes nothing of it.
func newOpenIDReturn(e *env) *cobra.Command {
	return &cobra.Command{
		Use:    "openid-return ADDRESS",
		Hidden: true,
		Args:   oneArg("the address at which the sign-in ended"),
		RunE: func(c *cobra.Command, args []string) error {
			scheme, _, _ := strings.Cut(absapi.Scheme, ":")
			if !strings.HasPrefix(strings.ToLower(args[0]), scheme+":") {
				return usage(c, problem.Newf(problem.Usage, "", "the address does not begin with %s:", scheme))
			}
			client, err := e.client()
			if err != nil {
				return err
			}
			paths, err := e.paths()
			if err != nil {
				return err
			}
			first := client.ReturnOpenID(c.Context(), args[0])
			if first == nil {
				return nil
			}
			for _, path := range home.ReturnPaths(paths) {
				err := control.Dial(path).ReturnOpenID(c.Context(), args[0])
				if err == nil {
					return nil
				}
				if isNoDaemon(first) { // else the newest says why
					first = err
				}
			}
			if isNoDaemon(first) {
				return problem.Newf(problem.Usage, "begin one: `shelfkeeper login URL --oidc`", "no sign-in waits for this address")
			}
			return first
		},
	}
}
