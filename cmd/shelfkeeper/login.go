package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// maxPassword bounds what --password-stdin reads; the vault takes far less.
const maxPassword = 4 << 10

func newLogin(e *env) *cobra.Command {
	var req control.SignInRequest
	var fromStdin, forget bool
	c := &cobra.Command{
		Use:   "login URL",
		Short: "Sign in to a server and keep the session",
		Long: `Signs in to the Audiobookshelf server at URL and keeps the session, and unless
told otherwise the password, in the vault. The address may be typed as in a
browser, with or without https:// and sub-folder.`,
		Example: "  shelfkeeper login https://abs.example.org --username alice",
		Args:    oneArg("the server's address"),
		RunE: func(c *cobra.Command, args []string) error {
			req.Server, req.Keep = args[0], !forget
			if req.Store != "" && req.Store != string(keychain.OS) && req.Store != string(keychain.File) {
				return usage(c, fmt.Errorf("--store is %q, not os or file", req.Store))
			}
			if err := e.credentials(c, &req, fromStdin); err != nil {
				return err
			}
			answer, err := e.signIn(c, req)
			if err != nil {
				return err
			}
			return e.showSignIn(answer)
		},
	}
	f := c.Flags()
	f.StringVarP(&req.Username, "username", "u", "", "user `name`; asked for if missing")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	f.StringVar(&req.Account, "account", "", "`name` of the account here; chosen if missing")
	f.StringVar(&req.Store, "store", "", "where to keep secrets: os (the desktop's keychain) or file (sealed with a passphrase)")
	f.BoolVar(&req.AllowHTTP, "allow-http", false, "send the password without encryption to a public host")
	f.BoolVar(&forget, "no-store-password", false, "keep the session only; you are asked again when it is lost")
	return c
}

// credentials asks for what the command line did not give.
func (e *env) credentials(c *cobra.Command, req *control.SignInRequest, fromStdin bool) error {
	in := bufio.NewReader(io.LimitReader(e.stdin, maxPassword+2))
	_, typing := e.terminal()
	if req.Username == "" {
		if !typing {
			return usage(c, fmt.Errorf("no terminal to ask for the user name at: give --username"))
		}
		fmt.Fprint(e.stderr, "User name: ")
		name, err := interruptible(c.Context(), func() (string, error) { return readLine(e.stdin) })
		if err != nil {
			return unanswered(fmt.Errorf("read the user name: %w", err))
		}
		req.Username = strings.TrimSpace(name)
	}
	switch {
	case fromStdin:
		text, err := io.ReadAll(in)
		if err != nil {
			return problem.New(problem.Usage, fmt.Errorf("read the password: %w", err), "")
		}
		if len(text) > maxPassword {
			return problem.Newf(problem.Usage, "", "the password on standard input is longer than %d bytes", maxPassword)
		}
		req.Password = redact.New(strings.TrimRight(string(text), "\r\n"))
	case typing:
		password, err := e.secret(c.Context(), fmt.Sprintf("Password of %s: ", req.Username))
		if err != nil {
			return unanswered(err)
		}
		req.Password = password
	default:
		return usage(c, fmt.Errorf("no terminal to ask for the password at: give --password-stdin"))
	}
	if req.Username == "" {
		return usage(c, fmt.Errorf("the user name is empty"))
	}
	return nil
}

// unanswered is a question without an answer.
func unanswered(err error) error {
	if errors.Is(err, errInterrupted) {
		return errInterrupted
	}
	return problem.New(problem.Usage, err, "")
}

// readLine reads one line without taking more from r, since the next question
// reads from the terminal directly.
func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	one := make([]byte, 1)
	for line.Len() < maxPassword {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' {
			return strings.TrimSuffix(line.String(), "\r"), nil
		}
		line.Write(one[:n])
		if err != nil {
			return line.String(), err
		}
	}
	return "", fmt.Errorf("the line is too long")
}

// signIn goes through the running daemon, or does it here if there is none.
func (e *env) signIn(c *cobra.Command, req control.SignInRequest) (answer control.SignInAnswer, err error) {
	client, err := e.client()
	if err != nil {
		return answer, err
	}
	err = e.while("Signing in …", func() error {
		answer, err = client.SignIn(c.Context(), req)
		if !isNoDaemon(err) {
			return err
		}
		home, err := e.home(c.Context())
		if err != nil {
			return err
		}
		answer, err = home.SignIn(c.Context(), req)
		if err == nil {
			answer.Warnings = append(answer.Warnings, "the daemon is not running; start it with `shelfkeeper run`")
		}
		return err
	})
	return answer, err
}

func (e *env) showSignIn(a control.SignInAnswer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Signed in to %s (Audiobookshelf %s) as %s; the account is called %s.\n", a.Server, a.ServerVersion, a.User, a.Account)
	fmt.Fprintf(&out, "Players use %s instead of the server's address.\n", a.ProxyURL)
	if a.Grant != "" {
		fmt.Fprintf(&out, "Programs that insist on a password, API key or token take this one, shown once:\n  %s\n", a.Grant)
	}
	for _, w := range a.Warnings {
		fmt.Fprintln(&out, "Note: "+w)
	}
	_, err := io.WriteString(e.stdout, out.String())
	return err
}
