package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newAccount(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "List, change, rename and remove accounts",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAccountList(e), newAccountSet(e), newAccountShow(e), newAccountRename(e), newAccountRemove(e))
	return c
}

func newAccountSet(e *env) *cobra.Command {
	var port int
	var gateway gatewayFlags
	key := keyFlag{mayDrop: true}
	c := &cobra.Command{
		Use:   "set NAME",
		Short: "Change an account's port, or what the gateway in front of its server wants",
		Long: `Gives an account another port on this machine. Players hold the old address and
have to be told the new one.

With --emergency-key an admin who signs in through OpenID has an API key kept that
serves players once the session and its spare are lost, until the next sign-in.

The other flags say what the gateway in front of the server wants: headers, a
password, a client certificate. They are kept in the vault and hold for
everything that goes to the server: players' requests, sign-ins, live sockets.`,
		Example: "  shelfkeeper account set home --port 13390\n  shelfkeeper account set home --gateway cloudflare-access\n" +
			"  shelfkeeper account set home --header X-Gate --stdin < secret.txt\n  shelfkeeper account set home --remove header:X-Gate\n" +
			"  shelfkeeper account set home --emergency-key=90\n  shelfkeeper account set home --emergency-key=off",
		Args: oneArg("the account's name"),
		RunE: func(c *cobra.Command, args []string) error {
			change, err := gateway.change(c, e)
			if err != nil {
				return err
			}
			days, setsKey, err := key.given(c)
			if err != nil {
				return err
			}
			movesPort := c.Flags().Lookup("port").Changed
			if !movesPort && !setsKey && change.IsZero() {
				return usage(c, fmt.Errorf("set needs what to change: --port, --emergency-key, or a flag for the gateway"))
			}
			if setsKey {
				if err := e.setEmergencyKey(c.Context(), args[0], days); err != nil || !movesPort && change.IsZero() {
					return err
				}
			}
			if !change.IsZero() {
				view, err := e.setGateway(c, args[0], change)
				if err == nil {
					err = writeGateway(e.stdout, view)
				}
				if err != nil || !movesPort {
					return err
				}
			}
			url, err := e.setPort(c, args[0], port)
			if err != nil {
				return err
			}
			return e.done("Players reach %s at %s from now on.", args[0], url)
		},
	}
	c.Flags().IntVar(&port, "port", 0, "`number` of the port on 127.0.0.1; 0 finds a free one")
	key.add(c, "`DAYS` that an API key is kept which serves players if all sessions are lost; off drops it")
	gateway.add(c, true)
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
