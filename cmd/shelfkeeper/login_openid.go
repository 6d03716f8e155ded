package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/service"
)

// browsing is a sign-in through the browser, as its user sees it.
type browsing struct {
	env       *env
	noBrowser bool
	noSpare   bool            // no second session is made
	foretold  bool            // that one is
	comeback  control.Returns // who waits for the last address

	mu      sync.Mutex
	step    control.OpenIDStep // the newest with a page
	pasted  bool               // a person brings the addresses
	opened  bool               // a browser was
	ended   bool               // standard input is
	reading bool
	// signedIn is the account's session once it is kept, and answers takes the lines
	// that a question is answered with.
	signedIn *control.SignInAnswer
	answers  chan string
	restore  func() error // of the scheme
}

// browserWishes are what a user wants of a sign-in through the browser beside it.
type browserWishes struct {
	noBrowser bool
	keyDays   int // of an emergency key; 0: none is asked for
}

// signInOpenID goes through the running daemon, or does it here if there is
// none. Real tokens stay where the sign-in is done.
func (e *env) signInOpenID(ctx context.Context, in control.OpenIDRequest, wishes browserWishes) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := e.client()
	if err != nil {
		return err
	}
	if in.Passphrase, err = e.passphraseFor(ctx, client, in.Store); err != nil {
		return err
	}
	b := &browsing{env: e, noBrowser: wishes.noBrowser, noSpare: in.NoSpare, comeback: client}
	defer b.end()
	err = client.SignInOpenID(ctx, in, func(s control.OpenIDStep) error { return b.show(ctx, s) })
	if isNoDaemon(err) {
		err = b.here(ctx, in)
	}
	if ctx.Err() != nil && err != nil {
		return errInterrupted
	}
	if err != nil || b.signedIn == nil {
		return err
	}
	_, typing := e.terminal()
	switch {
	case wishes.keyDays > 0:
		return e.setEmergencyKey(ctx, b.signedIn.Account, wishes.keyDays)
	case typing && b.signedIn.Admin && !in.Renew:
		return b.offerEmergencyKey(ctx)
	}
	return nil
}

// here signs in without a daemon. The program that brings a scheme's address
// finds us at a socket of our own.
func (b *browsing) here(ctx context.Context, in control.OpenIDRequest) error {
	h, err := b.env.home(ctx)
	if err != nil {
		return err
	}
	if stop, err := h.AwaitReturns(); err == nil {
		defer stop()
	} // otherwise another sign-in has it: the other ways back are open
	b.comeback = h
	err = h.SignInOpenID(ctx, in, func(s control.OpenIDStep) error {
		if s.Answer != nil {
			s.Answer.Warnings = append(s.Answer.Warnings, "the daemon is not running; start it with `shelfkeeper run`")
		}
		return b.show(ctx, s)
	})
	return err
}

// show tells the person what to do next, and does what can be done for them.
func (b *browsing) show(ctx context.Context, s control.OpenIDStep) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Answer != nil {
		b.signedIn = s.Answer
		if err := b.env.showSignIn(*s.Answer); err != nil {
			return err
		}
	}
	if b.env.json || b.env.quiet {
		b.env.notes(s.Notes)
	} else {
		for _, note := range s.Notes {
			fmt.Fprintln(b.env.stdout, "Note: "+note)
		}
	}
	if s.State != "" {
		b.step = s
	}
	switch {
	case s.URL == "" && s.State != "" && b.ended:
		return b.comeback.SkipOpenID(ctx, s.State) // nobody is there to end the wait
	case s.URL == "":
		return nil
	}
	if b.env.verbose {
		fmt.Fprintln(b.env.stderr, "The provider must allow to come back to "+s.Callback)
	}
	switch {
	case s.Sent:
		return nil // the browser is on its way
	case s.Spare:
		fmt.Fprintf(b.env.stderr, "Once more, for a second session that takes over if this one is lost:\n  %s\n", s.URL)
	default:
		fmt.Fprintf(b.env.stderr, "Sign in with your browser at\n  %s\n", s.URL)
		if !b.noSpare && !b.foretold {
			b.foretold = true
			fmt.Fprintln(b.env.stderr, "A second session follows, in case this one is lost. A provider that remembers nobody, as dex, asks "+
				"again then; press Enter to do without, or give --no-spare.")
		}
	}
	b.prepareScheme(s)
	b.open(s)
	switch {
	case s.Spare && b.ended && !b.opened:
		return b.comeback.SkipOpenID(ctx, s.State) // nobody is there
	case s.Spare:
		fmt.Fprintln(b.env.stderr, "If it does not come back by itself, paste the last address that the browser shows, or press Enter to "+
			"do without.")
	default:
		fmt.Fprintln(b.env.stderr, "If it does not come back by itself, paste the last address that the browser shows and press Enter.")
	}
	b.startReading(ctx)
	return nil
}

// startReading reads what a person types, with b.mu held. The goroutine is left behind
// at the end: a read from a terminal cannot be called off.
func (b *browsing) startReading(ctx context.Context) {
	if !b.reading {
		b.reading = true
		go b.read(ctx)
	}
}

// prepareScheme takes the scheme where the browser comes back by it.
func (b *browsing) prepareScheme(s control.OpenIDStep) {
	u, err := url.Parse(s.Redirect)
	if err != nil || u.Scheme == "http" || b.restore != nil || b.noBrowser || !desktop.HasScreen() {
		return // it comes back otherwise, or to another machine
	}
	command, err := b.env.returnCommand()
	if err == nil {
		b.restore, err = desktop.TakeScheme(u.Scheme, command)
	}
	if err != nil {
		fmt.Fprintf(b.env.stderr, "Note: the browser cannot come back by itself: %v.\n", err)
		fmt.Fprintln(b.env.stderr, "  It could if the server's admin put a lone * into the allowed mobile redirect URIs (Settings, "+
			"Authentication, OpenID Connect).")
	}
}

// open shows the page in the browser, unless somebody carries addresses to
// another one by hand.
func (b *browsing) open(s control.OpenIDStep) {
	if b.noBrowser || b.pasted {
		return
	}
	err := desktop.Browse(s.URL)
	b.opened = err == nil
	if err != nil && !errors.Is(err, desktop.ErrNoDesktop) {
		fmt.Fprintf(b.env.stderr, "Note: %v; open the address by hand.\n", err)
	}
}

// read takes pasted addresses, a line each.
func (b *browsing) read(ctx context.Context) {
	lines := bufio.NewReader(b.env.stdin)
	for {
		line, err := lines.ReadString('\n')
		b.pastedLine(ctx, strings.TrimSpace(line), err == nil)
		if err != nil {
			return
		}
	}
}

func (b *browsing) pastedLine(ctx context.Context, line string, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = !more
	var err error
	switch {
	case b.answers != nil:
		select {
		case b.answers <- line:
		default: // the question is answered
		}
	case line != "":
		err = b.comeback.ReturnOpenID(ctx, line)
		b.pasted = b.pasted || err == nil
	case b.step.Spare && (more || b.step.URL == "" || !b.opened && !b.step.Sent):
		err = b.comeback.SkipOpenID(ctx, b.step.State)
	}
	if err != nil && ctx.Err() == nil {
		b.env.explain(problem.Of(err))
	}
}

func (b *browsing) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.restore == nil {
		return
	}
	if err := b.restore(); err != nil {
		fmt.Fprintln(b.env.stderr, "give the scheme back:", err)
	}
}

// returnCommand is how the desktop brings an address to us.
func (e *env) returnCommand() ([]string, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	command := []string{autostart.Windowless(path), "openid-return"}
	if e.control != "" {
		at, err := filepath.Abs(e.control)
		if err != nil {
			return nil, err
		}
		command = append(command, "--control", at)
	}
	return command, nil
}

// renewOpenID renews an account that signs in through OpenID: by itself where
// that works, and with the browser where the session or its spare is missing.
func (e *env) renewOpenID(ctx context.Context, account string) error {
	err := e.signInOpenID(ctx, control.OpenIDRequest{Account: account, Renew: true}, browserWishes{})
	if err != nil {
		return err
	}
	return e.done("The session is renewed.")
}

// signsInByOpenID reports whether the account that is meant does; one that
// cannot be told does not, and the command says what is wrong with it.
func (e *env) signsInByOpenID(ctx context.Context, name string) bool {
	paths, err := e.paths()
	if err != nil {
		return false
	}
	if client, err := e.client(); err == nil {
		s, err := client.Snapshot(ctx)
		for _, a := range s.Accounts {
			if a.Name == name || name == "" && len(s.Accounts) == 1 {
				return a.Session.Method == service.MethodOpenID
			}
		}
		if !isNoDaemon(err) {
			return false
		}
	}
	book, err := accounts.Open(paths.State)
	if err != nil {
		return false
	}
	a, ok := book.Get(name)
	if name == "" {
		a, ok = book.Default()
	}
	return ok && a.Method == accounts.OIDC
}
