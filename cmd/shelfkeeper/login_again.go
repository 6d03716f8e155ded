package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
)

// again completes a sign-in without an address: it is for an account that is
// here already, at its server and in its way, which is what remedies ask for. It
// reports whether that way is the browser.
func (e *env) again(c *cobra.Command, req *control.SignInRequest, how *credentials) (oidc bool, err error) {
	a, several, ok := e.account(req.Account)
	switch {
	case !ok && several:
		return false, usage(c, fmt.Errorf("login needs the server's address, or --account with one of %s",
			strings.Join(e.accountNames(), ", ")))
	case !ok && req.Account != "":
		return false, usage(c, fmt.Errorf("login needs the server's address: there is no account %q yet", req.Account))
	case !ok:
		return false, usage(c, fmt.Errorf("login needs the server's address"))
	}
	req.Server, req.AllowHTTP = a.Server, req.AllowHTTP || a.AllowHTTP
	_, typing := e.terminal()
	switch {
	case how.token || req.Username != "": // another way than before
	case how.password && a.Method == accounts.Password && !typing:
		req.Username = a.Username
	case how.password || a.Method == accounts.Password:
		how.name = a.Username
	case a.Method == accounts.OIDC:
		return true, nil
	default:
		how.token = true
	}
	return false, nil
}

// confirmReplace asks the person at the terminal before a sign-in at another
// server, or as another user, takes the place of an account. Without a terminal
// the sign-in itself finds out, and refuses.
func (e *env) confirmReplace(c *cobra.Command, req *control.SignInRequest) error {
	_, typing := e.terminal()
	if req.Replace || req.Account == "" || !typing {
		return nil
	}
	a, _, ok := e.account(req.Account)
	sameServer := strings.Contains(a.Server, strings.TrimRight(req.Server, "/"))
	if !ok || sameServer && (req.Username == "" || strings.EqualFold(req.Username, a.Username)) {
		return nil
	}
	fmt.Fprintf(e.stderr, "The account %s is %s on %s. If this is another server or user, the old one is signed out. Go on? [y/N] ",
		a.Name, a.Username, a.Server)
	answer, err := interruptible(c.Context(), func() (string, error) { return readLine(e.stdin) })
	if err != nil {
		return unanswered(fmt.Errorf("read the answer: %w", err))
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return problem.Newf(problem.Usage, "choose another name with --account", "nothing was changed")
	}
	req.Replace = true
	return nil
}

// account returns the account of that name, or without one the only account,
// and whether there are several. What cannot be read is no account: the command
// itself says why.
func (e *env) account(name string) (a accounts.Account, several, ok bool) {
	paths, err := e.paths()
	if err != nil {
		return a, false, false
	}
	book, err := accounts.Open(paths.State)
	if err != nil {
		return a, false, false
	}
	if name != "" {
		a, ok = book.Get(name)
		return a, false, ok
	}
	a, ok = book.Default()
	return a, len(book.All()) > 1, ok
}

func (e *env) accountNames() (names []string) {
	if paths, err := e.paths(); err == nil {
		if book, err := accounts.Open(paths.State); err == nil {
			for _, a := range book.All() {
				names = append(names, a.Shown())
			}
		}
	}
	return names
}

// known returns a problem if no such account is here, before a person types
// anything for it. Files that cannot be read are the command's to tell.
func (e *env) known(name string) error {
	paths, err := e.paths()
	if err != nil {
		return err
	}
	book, err := accounts.Open(paths.State)
	if err != nil {
		return nil
	}
	_, ok := book.Default()
	if name != "" {
		_, ok = book.Get(name)
	}
	if ok {
		return nil
	}
	return home.NoSuchAccount(book, name)
}
