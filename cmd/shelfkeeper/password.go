package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

func newPassword(e *env) *cobra.Command {
	var account string
	var stdin bool
	c := &cobra.Command{
		Use:   "password",
		Short: "Change the password on the server and keep the session",
		Long: `Changes the password of an account on its server. The session goes on, and the
vault learns the new password where it keeps the old one.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			old, changed, err := e.passwords(c, stdin)
			if err != nil {
				return err
			}
			err = e.onAccount(c, account, "Changing the password …",
				func(client *control.Client, ctx context.Context, account string) error {
					return client.ChangePassword(ctx, account, old, changed)
				},
				func(h *home.Home, ctx context.Context, account string) error {
					return h.ChangePassword(ctx, account, old, changed)
				})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.stdout, "The password is changed; the session goes on.")
			return err
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().BoolVar(&stdin, "passwords-stdin", false,
		"read the present password, which may be left empty if it is stored, and the new one, a line each")
	return c
}

// passwords asks for the present and the new one.
func (e *env) passwords(c *cobra.Command, stdin bool) (old, changed redact.Secret, err error) {
	if stdin {
		both, err := e.secretFromStdin(c, "passwords", false)
		if err != nil {
			return old, changed, err
		}
		first, second, ok := strings.Cut(both.Reveal(), "\n")
		if !ok {
			return old, changed, usage(c, fmt.Errorf("standard input holds one line; the present and the new password are two"))
		}
		return redact.New(strings.TrimSuffix(first, "\r")), redact.New(second), nil
	}
	if _, typing := e.terminal(); !typing {
		return old, changed, usage(c, fmt.Errorf("no terminal to ask for the passwords at: give --passwords-stdin"))
	}
	var again redact.Secret
	for _, q := range []struct {
		prompt string
		into   *redact.Secret
	}{{"Present password (empty: the stored one): ", &old}, {"New password: ", &changed}, {"New password again: ", &again}} {
		if *q.into, err = e.secret(c.Context(), q.prompt); err != nil {
			return old, changed, unanswered(err)
		}
	}
	if again != changed {
		return old, changed, problem.Newf(problem.Usage, "type the same twice", "the two new passwords differ")
	}
	return old, changed, nil
}
