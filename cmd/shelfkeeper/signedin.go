package main

import (
	"fmt"
	"io"
	"strings"

	"shelfkeeper/daemon/control"
)

// signInSaid is what --json prints after a sign-in.
type signInSaid struct {
	Account       string   `json:"account"`
	Server        string   `json:"server"`
	ServerVersion string   `json:"server_version"`
	User          string   `json:"user"`
	ProxyURL      string   `json:"proxy_url"`
	Grant         string   `json:"grant,omitempty"`
	Warnings      []string `json:"warnings"`
}

func (e *env) showSignIn(a control.SignInAnswer) error {
	if e.json {
		return e.writeJSON(signInSaid{Account: a.Account, Server: a.Server, ServerVersion: a.ServerVersion, User: a.User, ProxyURL: a.ProxyURL,
			Grant: a.Grant, Warnings: append([]string{}, a.Warnings...)})
	}
	if e.quiet {
		e.notes(a.Warnings)
		return nil
	}
	var out strings.Builder
	fmt.Fprintf(&out, "Signed in to %s (Audiobookshelf %s) as %s; the account is called %s.\n", a.Server, a.ServerVersion, a.User,
		a.Account)
	fmt.Fprintf(&out, "Players use %s instead of the server's address.\n", a.ProxyURL)
	if a.Grant != "" {
		fmt.Fprintf(&out, "Programs that insist on a password, API key or token take this one, shown once:\n  %s\n", a.Grant)
	}
	for _, w := range a.Warnings {
		fmt.Fprintln(&out, "Note: "+w)
	}
	_, err := io.WriteString(e.stdout, folded(out.String(), e.width()))
	return err
}

// notes says on stderr what a person should know, where stdout is for a program.
func (e *env) notes(list []string) {
	for _, note := range list {
		fmt.Fprint(e.stderr, folded("Note: "+note+"\n", e.errWidth()))
	}
}
