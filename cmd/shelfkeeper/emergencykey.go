package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
)

// keyFlag is the flag --emergency-key[=DAYS|off].
type keyFlag struct {
	text string
	// mayDrop allows "off".
	mayDrop bool
}

const keyOff = "off"

func (k *keyFlag) add(c *cobra.Command, help string) {
	c.Flags().StringVar(&k.text, "emergency-key", "", help)
	c.Flags().Lookup("emergency-key").NoOptDefVal = strconv.Itoa(control.EmergencyKeyDays)
}

// given reports whether the user wants the key changed, and to how many days; 0 drops it.
func (k *keyFlag) given(c *cobra.Command) (days int, given bool, err error) {
	switch {
	case !c.Flags().Lookup("emergency-key").Changed:
		return 0, false, nil
	case k.mayDrop && k.text == keyOff:
		return 0, true, nil
	}
	days, err = strconv.Atoi(k.text)
	if err != nil || days < 1 || days > control.EmergencyKeyMostDays {
		return 0, false, usage(c, fmt.Errorf("--emergency-key is %q, not a number of days from 1 to %d", k.text, control.EmergencyKeyMostDays))
	}
	return days, true, nil
}

// setEmergencyKey makes the key, or drops it with 0 days. It goes through the running
// daemon, or does it here if there is none.
func (e *env) setEmergencyKey(ctx context.Context, account string, days int) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	var view control.EmergencyKeyView
	if days > 0 {
		view, err = client.KeepEmergencyKey(ctx, account, days)
	} else {
		view, err = client.DropEmergencyKey(ctx, account)
	}
	if isNoDaemon(err) {
		h, err := e.home(ctx)
		if err != nil {
			return err
		}
		if days > 0 {
			view, err = h.KeepEmergencyKey(ctx, account, days)
		} else {
			view, err = h.DropEmergencyKey(ctx, account)
		}
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	e.notes(view.Notes)
	e.rememberKeyAnswer(ctx, account, days > 0)
	if days == 0 {
		return e.done("No emergency API key is kept for %s any more.", view.Account)
	}
	return e.done("An emergency API key serves the players of %s until %s, if its sessions are lost.", view.Account,
		view.EndsAt.Local().Format("2 January 2006"))
}

// askedAboutKey reports whether the account's user has said once whether a key is to be
// kept. Where that cannot be read he is asked.
func (e *env) askedAboutKey(account string) bool {
	book, err := e.book()
	if err != nil {
		return false
	}
	answer, err := book.KeyAnswer(account)
	return err == nil && answer != accounts.KeyUnasked
}

// rememberKeyAnswer keeps the user's answer. What cannot be kept is asked again.
func (e *env) rememberKeyAnswer(ctx context.Context, account string, made bool) {
	answer := accounts.KeyDeclined
	if made {
		answer = accounts.KeyMade
	}
	book, err := e.book()
	if err == nil {
		err = book.RememberKeyAnswer(ctx, account, answer)
	}
	if err != nil {
		e.notes([]string{"you will be asked about an emergency key again: " + err.Error()})
	}
}

// book reads the accounts.
func (e *env) book() (*accounts.Book, error) {
	paths, err := e.paths()
	if err != nil {
		return nil, err
	}
	return accounts.Open(paths.State)
}

// offerEmergencyKey asks the admin at the terminal, once signed in, whether a key is to
// be kept. Nothing but a yes makes one, and whoever has answered is not asked again.
func (b *browsing) offerEmergencyKey(ctx context.Context) error {
	if b.env.askedAboutKey(b.signedIn.Account) {
		return nil
	}
	b.mu.Lock()
	if b.ended { // nobody is there any more
		b.mu.Unlock()
		return nil
	}
	who := b.signedIn
	b.answers = make(chan string, 1)
	b.startReading(ctx)
	b.mu.Unlock()
	fmt.Fprintf(b.env.stderr, "You administer this server. Keep an API key of %d days as the last resort? It serves players if every session "+
		"is lost, opens all that you may do there, and is removed when you sign out. [y/N] ", control.EmergencyKeyDays)
	select {
	case line := <-b.answers:
		if line = strings.ToLower(line); line != "y" && line != "yes" {
			b.env.rememberKeyAnswer(ctx, who.Account, false)
			return nil
		}
		return b.env.setEmergencyKey(ctx, who.Account, control.EmergencyKeyDays)
	case <-ctx.Done():
		return nil // the account is signed in
	}
}

// emergencyKey says what is known of the API key that stands in for a lost session.
func emergencyKey(s health.Session) string {
	ends := s.EmergencyKeyEndsAt.Local().Format("2 January 2006")
	switch s.EmergencyKey {
	case health.KeyKept:
		return "an emergency API key serves until " + ends + " if all sessions are lost"
	case health.KeyInUse:
		return "players are served with the emergency API key, until " + ends
	case health.KeyEnded:
		return "the emergency API key has ended; `shelfkeeper account set NAME --emergency-key` makes another"
	case health.KeyRefused:
		return "the server refuses the emergency API key"
	}
	return ""
}
