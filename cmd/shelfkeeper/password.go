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
vault learns the new password where it keeps the old one. The password may be
empty; servers accept that from their root user only.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := e.known(account); err != nil {
				return err
			}
			old, changed, err := e.passwords(c, stdin)
			if err != nil {
				return err
			}
			if err := checkText(map[string]string{"present password": old.Reveal(), "new password": changed.Reveal()}); err != nil {
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
			return e.done("The password is changed; the session goes on.")
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().BoolVar(&stdin, "passwords-stdin", false,
		"read the present password, which may be left empty if it is stored, and the new one, a line each")
	return c
}

// passwords asks for the present and the new one.
func (e *env) passwords(c *cobra.Command, stdin bool) (old, changed redact.Secret, err error) {
	_, typing := e.terminal()
	if stdin && !typing {
		text, err := e.readStdin("passwords")
		if err != nil {
			return old, changed, err
		}
		// A line may be empty, so only the line end of the last one is taken off.
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) != 2 {
			return old, changed, usage(c, fmt.Errorf("standard input holds %s; the present and the new password are two",
				lineCount(len(lines))))
		}
		return redact.New(strings.TrimSuffix(lines[0], "\r")), redact.New(strings.TrimSuffix(lines[1], "\r")), nil
	}
	if !typing {
		return old, changed, usage(c, fmt.Errorf("no terminal to ask for the passwords at: give --passwords-stdin"))
	}
	if old, err = e.secret(c.Context(), "Present password (empty: the stored one, if there is one): "); err != nil {
		return old, changed, unanswered(err)
	}
	changed, err = e.newSecret(c.Context(), "New password", "the two new passwords differ")
	if err != nil || !changed.IsEmpty() {
		return old, changed, err
	}
	ok, err := e.confirm(c.Context(), "The new password is empty, which a server takes from its root user only. Go on?")
	if err == nil && !ok {
		err = problem.Newf(problem.Usage, "type a new password that is not empty", "the password was not changed")
	}
	return old, changed, err
}

func lineCount(n int) string {
	if n == 1 {
		return "one line"
	}
	return fmt.Sprintf("%d lines", n)
}
