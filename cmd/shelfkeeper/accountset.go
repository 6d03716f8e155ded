package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newAccount(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "Change how an account is served here",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAccountSet(e))
	return c
}

func newAccountSet(e *env) *cobra.Command {
	var port int
	c := &cobra.Command{
		Use:   "set NAME",
		Short: "Give an account another port for players",
		Long: `Gives an account another port on this machine. Players hold the old address and
have to be told the new one.`,
		Example: "  shelfkeeper account set home --port 13390\n  shelfkeeper account set home --port 0",
		Args:    oneArg("the account's name"),
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Lookup("port").Changed {
				return usage(c, fmt.Errorf("set needs what to change: --port"))
			}
			url, err := e.setPort(c, args[0], port)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stdout, "Players reach %s at %s from now on.\n", args[0], url)
			return err
		},
	}
	c.Flags().IntVar(&port, "port", 0, "`number` of the port on 127.0.0.1; 0 finds a free one")
	return c
}

// setPort goes through the running daemon, or does it here if there is none.
func (e *env) setPort(c *cobra.Command, account string, port int) (url string, err error) {
	client, err := e.client()
	if err != nil {
		return "", err
	}
	if url, err = client.SetPort(c.Context(), account, port); !isNoDaemon(err) {
		return url, err
	}
	h, err := e.home(c.Context())
	if err != nil {
		return "", err
	}
	a, err := h.SetPort(c.Context(), account, port)
	return a.ProxyURL(), err
}
