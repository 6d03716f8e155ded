package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// maxPassword bounds what is read from standard input; the vault takes far less.
const maxPassword = 4 << 10

func newLogin(e *env) *cobra.Command {
	var req control.SignInRequest
	var how credentials
	var gateway gatewayFlags
	var key keyFlag
	var forget, oidc, noBrowser, noSpare bool
	c := &cobra.Command{
		Use:   "login [URL]",
		Short: "Sign in to a server and keep the session",
		Long: `Signs in to the Audiobookshelf server at URL and keeps the session, and unless
told otherwise the password, in the vault. The address may be typed as in a
browser, with or without https:// and sub-folder. Without an address the account
that is here already is signed in again, in the way it was before.

With --oidc the sign-in happens in the browser, at the provider that the server
names, and nothing but the session is kept.`,
		Example: "  shelfkeeper login https://abs.example.org --username alice\n  shelfkeeper login https://abs.example.org --oidc",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneArg("the server's address")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			req.Keep = !forget
			if req.Store != "" && req.Store != string(keychain.OS) && req.Store != string(keychain.File) {
				return usage(c, fmt.Errorf("--store is %q, not os or file", shortened(req.Store)))
			}
			if err := how.check(c, oidc); err != nil {
				return err
			}
			days, wantsKey, err := key.given(c)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				req.Server = args[0]
				if err := e.confirmReplace(c, &req); err != nil {
					return err
				}
			} else {
				browser, err := e.again(c, &req, &how)
				if err != nil {
					return err
				}
				oidc = oidc || browser
			}
			if req.Gateway, err = gateway.change(c, e); err != nil {
				return err
			}
			if err := e.lookFirst(c, &req, how, oidc); err != nil {
				return err
			}
			if oidc {
				in := control.OpenIDRequest{Server: req.Server, Account: req.Account, AllowHTTP: req.AllowHTTP, Store: req.Store,
					Replace: req.Replace, Gateway: req.Gateway, NoSpare: noSpare}
				return e.signInOpenID(c.Context(), in, browserWishes{noBrowser: noBrowser, keyDays: days})
			}
			if wantsKey {
				return usage(c, fmt.Errorf("--emergency-key is for accounts that sign in with --oidc"))
			}
			answer, err := e.signInAsked(c, req, how)
			if err != nil {
				return err
			}
			return e.showSignIn(answer)
		},
	}
	f := c.Flags()
	f.StringVarP(&req.Username, "username", "u", "", "user `name`; asked for if missing")
	f.BoolVar(&how.password, "password-stdin", false, "read the password from standard input")
	f.BoolVar(&how.token, "api-key-stdin", false, "sign in with an API key, read from standard input")
	f.BoolVar(&how.token, "token-stdin", false, "the same with the legacy token of a server before 2.26")
	f.BoolVar(&oidc, "oidc", false, "sign in with the browser, through the server's OpenID provider")
	f.BoolVar(&noBrowser, "no-browser", false, "with --oidc: only print the page's address")
	f.BoolVar(&noSpare, "no-spare", false, "with --oidc: make no second session, so that the provider asks once only")
	key.add(c, "with --oidc, for admins: keep an API key of `DAYS` that serves players if all sessions are lost")
	f.StringVar(&req.Account, "account", "", "`name` of the account here; chosen if missing")
	f.StringVar(&req.Store, "store", "", "where to keep secrets: os (the desktop's keychain) or file (sealed with a passphrase)")
	f.BoolVar(&req.AllowHTTP, "allow-http", false, "send the password without encryption to a public host")
	f.BoolVar(&req.Replace, "replace", false, "with --account: sign the account out that has this name, if it is another user's or "+
		"server's")
	gateway.add(c, false)
	f.BoolVar(&forget, "no-store-password", false, "keep the session only; you are asked again when it is lost")
	return c
}

// credentials says where the secret comes from.
type credentials struct {
	password, token bool   // from standard input
	name            string // who it most likely is
}

func (how credentials) check(c *cobra.Command, oidc bool) error {
	name := c.Flags().Lookup("username").Changed
	switch {
	case oidc && (how.token || how.password):
		return usage(c, fmt.Errorf("with --oidc nothing secret is read from standard input"))
	case oidc && name:
		return usage(c, fmt.Errorf("with --oidc the provider says whose session it is: leave out --username"))
	case how.token && how.password:
		return usage(c, fmt.Errorf("standard input holds either a password or an API key"))
	case how.token && name:
		return usage(c, fmt.Errorf("an API key says by itself whose it is: leave out --username"))
	}
	return nil
}

// signInAsked signs in, and asks for what the command line did not give: nothing
// before the server is found and the vault is open, which tells a slip at once.
func (e *env) signInAsked(c *cobra.Command, req control.SignInRequest, how credentials) (answer control.SignInAnswer, err error) {
	client, err := e.client()
	if err != nil {
		return answer, err
	}
	if req.Passphrase, err = e.passphraseFor(c.Context(), client, req.Store); err != nil {
		return answer, err
	}
	if _, typing := e.terminal(); typing {
		if err := e.prepare(c, client, req, how.token); err != nil {
			return answer, err
		}
	}
	defer func() {
		if err != nil && e.opened != nil {
			e.opened.ReleaseEmptyVault(context.Background()) // it was opened for this
		}
	}()
	if err := e.credentials(c, &req, how); err != nil {
		return answer, err
	}
	return e.signIn(c, client, req)
}

// prepare finds the server and opens the vault, through the running daemon or here.
func (e *env) prepare(c *cobra.Command, client *control.Client, req control.SignInRequest, token bool) error {
	return e.while("Looking for the server …", func() error {
		if err := client.Prepare(c.Context(), req, token); !isNoDaemon(err) {
			return err
		}
		h, err := e.home(c.Context())
		if err != nil {
			return err
		}
		return h.Prepare(c.Context(), req, token)
	})
}

// credentials asks for what the command line did not give.
func (e *env) credentials(c *cobra.Command, req *control.SignInRequest, how credentials) (err error) {
	_, typing := e.terminal()
	if how.token {
		req.Token, err = e.secretFromStdin(c, "API key", typing)
		if err == nil && req.Token.IsEmpty() {
			return problem.Newf(problem.Usage, "", "there is no API key on standard input")
		}
		return err
	}
	if req.Username == "" {
		if !typing {
			return usage(c, fmt.Errorf("no terminal to ask for the user name at: give --username"))
		}
		question := "User name: "
		if how.name != "" {
			question = fmt.Sprintf("User name (empty: %s): ", how.name)
		}
		fmt.Fprint(e.stderr, question)
		name, err := interruptible(c.Context(), func() (string, error) { return readLine(e.stdin) })
		if err != nil {
			return unanswered(fmt.Errorf("read the user name: %w", err))
		}
		if req.Username = strings.TrimSpace(name); req.Username == "" {
			req.Username = how.name
		}
		if req.Username == "" {
			return usage(c, fmt.Errorf("the user name is empty"))
		}
	}
	switch {
	case how.password:
		req.Password, err = e.secretFromStdin(c, "password", typing)
	case typing:
		if req.Password, err = e.secret(c.Context(), fmt.Sprintf("Password of %s: ", req.Username)); err != nil {
			return unanswered(err)
		}
	default:
		return usage(c, fmt.Errorf("no terminal to ask for the password at: give --password-stdin"))
	}
	if err == nil {
		err = checkText(map[string]string{"user name": req.Username, "password": req.Password.Reveal()})
	}
	return err
}

// checkText refuses what is not UTF-8. JSON would replace such bytes without a
// word, and the server would refuse a name or password that was typed rightly.
func checkText(texts map[string]string) error {
	for what, text := range texts {
		if !utf8.ValidString(text) {
			return problem.Newf(problem.Usage, "set the terminal to UTF-8 and type it again", "the %s is not valid UTF-8", what)
		}
	}
	return nil
}

// secretFromStdin reads all of standard input, or asks where a person types.
func (e *env) secretFromStdin(c *cobra.Command, what string, typing bool) (redact.Secret, error) {
	if typing {
		secret, err := e.secret(c.Context(), strings.ToUpper(what[:1])+what[1:]+": ")
		if err != nil {
			return secret, unanswered(err)
		}
		return secret, nil
	}
	text, err := e.readStdin(what)
	return redact.New(strings.TrimRight(text, "\r\n")), err
}

// readStdin reads all of standard input.
func (e *env) readStdin(what string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(e.stdin, maxPassword+2))
	if err != nil {
		return "", problem.New(problem.Usage, fmt.Errorf("read the %s: %w", what, err), "")
	}
	if len(text) > maxPassword {
		return "", problem.Newf(problem.Usage, "", "the %s on standard input is longer than %d bytes", what, maxPassword)
	}
	return string(text), nil
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
func (e *env) signIn(c *cobra.Command, client *control.Client, req control.SignInRequest) (answer control.SignInAnswer, err error) {
	err = e.while("Signing in …", func() error {
		answer, err = client.SignIn(c.Context(), req)
		if !isNoDaemon(err) {
			return err
		}
		h, err := e.home(c.Context())
		if err != nil {
			return err
		}
		answer, err = h.SignIn(c.Context(), req)
		if err == nil {
			answer.Warnings = append(answer.Warnings, "the daemon is not running; start it with `shelfkeeper run`")
		}
		return err
	})
	return answer, err
}
