package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/upstream"
)

func newAccountShow(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show what is set for the gateway in front of an account's server",
		Long: `Shows which headers, certificates and proxy are used on the way to the server.
Secrets are not shown: they are in the vault.`,
		Args: oneArg("the account's name"),
		RunE: func(c *cobra.Command, args []string) error {
			view, err := e.showGateway(c, args[0])
			if err != nil {
				return err
			}
			if e.json {
				return e.writeJSON(view)
			}
			return e.writeGateway(view)
		},
	}
}

func (e *env) showGateway(c *cobra.Command, account string) (view control.GatewayView, err error) {
	client, err := e.client()
	if err != nil {
		return view, err
	}
	if view, err = client.Gateway(c.Context(), account); !isNoDaemon(err) {
		return view, err
	}
	h, err := e.home(c.Context())
	if err != nil {
		return view, err
	}
	return h.Gateway(c.Context(), account)
}

// setGateway goes through the running daemon, or does it here if there is none.
func (e *env) setGateway(c *cobra.Command, account string, change upstream.GatewayChange) (view control.GatewayView, err error) {
	client, err := e.client()
	if err != nil {
		return view, err
	}
	if view, err = client.SetGateway(c.Context(), account, change); !isNoDaemon(err) {
		return view, err
	}
	h, err := e.home(c.Context())
	if err != nil {
		return view, err
	}
	return h.SetGateway(c.Context(), account, change)
}

func (e *env) writeGateway(v control.GatewayView) error {
	var b strings.Builder
	line := func(name, text string, to []string) {
		if len(to) > 0 {
			text += ", for " + strings.Join(to, " and ")
		}
		fmt.Fprintf(&b, "  %-18s %s\n", name, text)
	}
	for _, h := range v.Headers {
		line("header", h.Name, h.For)
	}
	if v.Basic != nil {
		text := "as " + v.Basic.User + " in the header " + v.Basic.Header
		if v.Basic.TokenInURL {
			text += "; Audiobookshelf's token stands in the gateway's log"
		}
		line("password", text, v.Basic.For)
	}
	if c := v.ClientCert; c != nil {
		line("client certificate", fmt.Sprintf("%s until %s", c.Subject, c.NotAfter.Format("2 January 2006")), c.For)
	}
	for _, c := range v.CA {
		line("own authority", fmt.Sprintf("%s until %s", c.Subject, c.NotAfter.Format("2 January 2006")), nil)
	}
	if v.Pin != nil {
		line("pinned", "SHA-256 "+v.Pin.SHA256, v.Pin.For)
	}
	if v.Proxy != "" {
		from := map[string]string{"account": "", "config.toml": ", from config.toml", "environment": ", from the environment"}[v.ProxyFrom]
		line("proxy", v.Proxy+from, nil)
	}
	if v.UserAgent != "" {
		line("user agent", v.UserAgent+", for players too", nil)
	}
	for _, name := range v.FromConfig {
		line("header", name+", from config.toml", nil)
	}
	text := fmt.Sprintf("On the way to the server of %s:\n%s", v.Account, b.String())
	if b.Len() == 0 {
		text = fmt.Sprintf("Nothing is set for the gateway of %s.\n", v.Account)
	}
	_, err := io.WriteString(e.stdout, folded(text, e.width()))
	return err
}
