package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/desktop/notify"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
	"shelfkeeper/keychain"
)

// returnScheme is that of the addresses with which a browser's sign-in comes back.
const returnScheme = "audiobookshelf"

func newUninstall(e *env) *cobra.Command {
	var forget, yes bool
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove everything that Shelfkeeper has put on this machine",
		Long: `Removes everything that Shelfkeeper has put on this machine for you: the start at
login, the handler of sign-ins in the browser, the log and settings. If you say so,
the accounts go too, with their sessions and passwords. It shows the list first, and
asks.

The program itself stays: the command says how to remove that. Without --forget the
accounts and their secrets stay, for a later installation. At a terminal it asks
about them.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			u, err := e.lookAtAll(c.Context())
			if err != nil {
				return err
			}
			u.forget = forget
			if !yes {
				if err := e.agree(c.Context(), u); err != nil {
					return err
				}
			}
			return e.uninstall(c, u)
		},
	}
	c.Flags().BoolVar(&forget, "forget", false, "sign every account out, and erase its secrets, too")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// uninstalling is what is here, and what is to go.
type uninstalling struct {
	paths    config.Paths
	running  bool
	starts   autostart.State
	accounts []accounts.Account
	waiting  map[string]int // reports of listening that the server lacks, by account
	held     bool           // the vault holds something, of accounts or not
	// ownConfig says that config.toml lies where Shelfkeeper looks by itself. A file
	// that the user named with --config is the user's.
	ownConfig bool
	forget    bool
}

func (e *env) lookAtAll(ctx context.Context) (*uninstalling, error) {
	u := &uninstalling{waiting: map[string]int{}, ownConfig: e.config == ""}
	var err error
	if u.paths, err = e.paths(); err != nil {
		return nil, err
	}
	client, err := e.client()
	if err != nil {
		return nil, err
	}
	u.running = client.Ping(ctx) == nil
	if u.starts, err = e.autostartState(ctx); err != nil {
		u.starts = autostart.State{Reason: problem.Of(err).Text}
	}
	if _, err := os.Stat(u.paths.State); errors.Is(err, fs.ErrNotExist) {
		return u, nil // nothing is made to be looked at
	}
	book, err := accounts.Open(u.paths.State)
	if err != nil {
		return nil, home.StateProblem(err)
	}
	u.accounts = book.All()
	for _, a := range u.accounts {
		n, err := progress.Waiting(home.JournalDir(u.paths.State, a.Name), a.UserID)
		if err == nil && n > 0 {
			u.waiting[a.Name] = n
		}
	}
	known, err := keychain.Remembered(filepath.Join(u.paths.State, "vault"))
	u.held = err != nil || known != "" // what cannot be read may hold something
	return u, nil
}

// list is what goes, a sentence each.
func (u *uninstalling) list() (list []string) {
	if u.running {
		list = append(list, "the running daemon ends")
	}
	if u.starts.On {
		list = append(list, "the start at login: "+u.starts.Path)
	}
	list = append(list, u.files()...)
	if path := desktop.SchemeEntry(); path != "" {
		list = append(list, "the handler of sign-ins in the browser: "+path)
	}
	return list
}

// files are the directories and files that go; they are there.
func (u *uninstalling) files() (list []string) {
	all := []string{filepath.Join(u.paths.State, "log"), u.paths.Runtime}
	if u.forget || len(u.accounts) == 0 && !u.held {
		all = []string{u.paths.State, u.paths.Runtime}
		if u.ownConfig {
			all = append(all, u.paths.Config)
		}
	}
	for _, path := range all {
		info, err := os.Lstat(path)
		if err != nil {
			continue
		}
		list = append(list, path)
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			list = append(list, real) // the link alone would leave what it leads to
		}
	}
	return list
}

// agree shows what goes, and asks.
func (e *env) agree(ctx context.Context, u *uninstalling) error {
	if _, typing := e.terminal(); !typing {
		return problem.Newf(problem.Usage, "give --yes to remove it without a question", "nobody can be asked whether to remove it")
	}
	var err error
	if names := u.names(); len(names) > 0 && !u.forget {
		question := fmt.Sprintf("Sign %s out, and erase the sessions and passwords that are kept?", strings.Join(names, ", "))
		if u.forget, err = e.confirm(ctx, question); err != nil {
			return err
		}
	}
	text := "This goes:\n"
	for _, one := range u.list() {
		text += "  " + one + "\n"
	}
	for name, n := range u.waiting {
		if u.forget {
			text += fmt.Sprintf("  %d reports of listening of %s that the server lacks, unless it takes them now\n", n, name)
		}
	}
	if !u.forget && len(u.accounts) > 0 {
		text += "The accounts stay, with their secrets and settings.\n"
	}
	fmt.Fprint(e.stderr, text)
	agreed, err := e.confirm(ctx, "Remove it?")
	if err == nil && !agreed {
		err = problem.Newf(problem.Other, "", "nothing was removed")
	}
	return err
}

func (u *uninstalling) names() (list []string) {
	for _, a := range u.accounts {
		list = append(list, a.Shown())
	}
	return list
}

// uninstall removes what u says. What could not be removed is an error in the end,
// and everything else is gone by then.
func (e *env) uninstall(c *cobra.Command, u *uninstalling) error {
	var said []string
	var errs []error
	if u.forget {
		more, err := e.eraseAccounts(c, u)
		if said = more; err != nil {
			return err // their secrets are still there, and so is what leads to them
		}
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	if err := client.Quit(c.Context()); err == nil {
		errs = append(errs, untilGone(c.Context(), client))
	} else if !isNoDaemon(err) {
		return err
	}
	if u.starts.On {
		errs = append(errs, autostart.Off(c.Context()))
	}
	errs = append(errs, desktop.ReleaseScheme(returnScheme), notify.Unregister())
	for _, path := range u.files() {
		errs = append(errs, durable.RemoveAll(path))
	}
	if u.ownConfig && (u.forget || len(u.accounts) == 0) {
		_ = os.Remove(filepath.Dir(u.paths.Config)) // where it is empty
	}
	if err := errors.Join(errs...); err != nil {
		return problem.New(problem.Config, fmt.Errorf("not everything could be removed: %w", err), "remove it by hand, or run the command again")
	}
	said = append(said, "Shelfkeeper's files are gone.")
	if !u.forget && len(u.accounts) > 0 {
		said[len(said)-1] = fmt.Sprintf("The accounts and their secrets stay in %s; `shelfkeeper uninstall --forget` erases them.", u.paths.State)
	}
	return e.done("%s\n%s", strings.Join(said, "\n"), removeProgram())
}

// eraseAccounts signs every account out. One whose server or keychain is out of
// reach is forgotten here, which says what stays where.
func (e *env) eraseAccounts(c *cobra.Command, u *uninstalling) (said []string, err error) {
	for _, a := range u.accounts {
		err := e.onAccount(c, a.Name, "Signing out …", (*control.Client).SignOut, (*home.Home).SignOut)
		n, unknown := progress.Waiting(home.JournalDir(u.paths.State, a.Name), a.UserID)
		switch {
		case unknown == nil && n > 0:
			said = append(said, fmt.Sprintf("%s: %d reports of listening had not reached the server, and are gone.", a.Shown(), n))
		case err != nil:
			said = append(said, a.Shown()+": "+problem.Of(err).Text+".")
		}
	}
	left, err := e.leftAccounts(u)
	if err != nil {
		return said, err
	}
	for _, name := range left {
		err := e.onAccount(c, name, "Forgetting the account …",
			func(client *control.Client, ctx context.Context, account string) error {
				more, err := client.Forget(ctx, account)
				said = append(said, more...)
				return err
			},
			func(h *home.Home, ctx context.Context, account string) error {
				more, err := h.Forget(ctx, account)
				said = append(said, more...)
				return err
			})
		if err != nil {
			return said, err
		}
	}
	return said, nil
}

// leftAccounts are those that could not be signed out; "" stands for what the vault
// still holds of none.
func (e *env) leftAccounts(u *uninstalling) (names []string, err error) {
	book, err := accounts.Open(u.paths.State)
	if err != nil {
		return nil, home.StateProblem(err)
	}
	for _, a := range book.All() {
		names = append(names, a.Name)
	}
	known, err := keychain.Remembered(filepath.Join(u.paths.State, "vault"))
	if len(names) == 0 && (err != nil || known != "") {
		names = append(names, "")
	}
	return names, nil
}

// removeProgram says how the program itself goes.
func removeProgram() string {
	path, err := os.Executable()
	switch {
	case err != nil:
		return "Remove the program itself in the way it was installed."
	case runtime.GOOS == "windows":
		return "Windows' list of installed apps removes the program: " + path
	case path == "/usr/bin/shelfkeeper":
		return "Its package goes with `sudo apt remove shelfkeeper`, `sudo dnf remove shelfkeeper` or `sudo pacman -R shelfkeeper`."
	}
	return "Remove the program itself in the way it was installed: " + path
}
