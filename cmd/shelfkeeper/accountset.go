package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/upstream"
)

func newAccount(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "List, change, rename and remove accounts",
		Args:  noArgs,
		RunE:  e.group,
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
			given := false
			c.LocalFlags().VisitAll(func(f *pflag.Flag) { given = given || f.Changed })
			if !given {
				return usage(c, fmt.Errorf("set needs what to change: --port, --emergency-key, or a flag for the gateway"))
			}
			if _, typing := e.terminal(); typing {
				if err := e.known(args[0]); err != nil {
					return err // before a secret is asked for
				}
			}
			change, err := gateway.change(c, e)
			if err != nil {
				return err
			}
			days, setsKey, err := key.given(c)
			if err != nil {
				return err
			}
			movesPort := c.Flags().Changed("port")
			if !movesPort && !setsKey && change.IsZero() {
				return usage(c, fmt.Errorf("set needs what to change: --port, --emergency-key, or a flag for the gateway"))
			}
			if setsKey {
				if err := e.setEmergencyKey(c.Context(), args[0], days); err != nil || !movesPort && change.IsZero() {
					return err
				}
			}
			return e.setAccount(c, args[0], change, movesPort, port)
		},
	}
	c.Flags().Var((*decimal)(&port), "port", "`number` of the port on 127.0.0.1; 0 finds a free one")
	key.add(c, "`DAYS` that an API key is kept which serves players if all sessions are lost; off drops it")
	gateway.add(c, true)
	return c
}

// setAccount changes what was named, and says what holds then.
func (e *env) setAccount(c *cobra.Command, account string, change upstream.GatewayChange, movesPort bool, port int) error {
	var said struct {
		control.GatewayView
		ProxyURL string `json:"proxy_url,omitempty"`
	}
	said.Account = account
	var err error
	if !change.IsZero() {
		if said.GatewayView, err = e.setGateway(c, account, change); err != nil {
			return err
		}
		if !e.json && !e.quiet {
			if err := e.writeGateway(said.GatewayView); err != nil {
				return err
			}
		}
	}
	if movesPort {
		if said.ProxyURL, err = e.setPort(c, account, port); err != nil {
			return err
		}
	}
	switch {
	case e.json:
		return e.writeJSON(said)
	case movesPort:
		return e.done("Players reach %s at %s from now on.", account, said.ProxyURL)
	}
	return nil
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
