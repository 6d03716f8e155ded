package service

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shelfkeeper/daemon/upstream"
)

const (
	// headStart is how long a preferred address may be slower than another
	// one: a home server that has to wake its Wi-Fi, against a public address.
	headStart = 300 * time.Millisecond
	// waitMost is how long the address in use, and an encrypted one, may take
	// while another one answers: a lost packet and its repetition.
	waitMost = 1500 * time.Millisecond
	// steadyAfter lies between the two answers that make a better address
	// worth leaving one that works.
	steadyAfter = 10 * time.Second
	// betterEvery is how often a better address is asked for while another one
	// works and nothing says that the network has changed: the home server's
	// own address may come back by itself.
	betterEvery = 10 * time.Minute
)

// addresses finds out which of a server's several addresses to use. Before an
// address is in use it gets GET /status and nothing else. An address goes out
// of use as soon as it may be somebody else's: plain http at each event of the
// network, any other when it does not answer as the server.
type addresses struct {
	up    *upstream.Upstream
	known func() string // the newest version that the server was seen to have
	log   *slog.Logger
	woken chan string // why to look; holds one

	mu     sync.Mutex
	events int // of the network: what was found before one is not used after it
}

func newAddresses(up *upstream.Upstream, known func() string, log *slog.Logger) *addresses {
	return &addresses{up: up, known: known, log: log, woken: make(chan string, 1)}
}

// several reports whether there is anything to choose.
func (a *addresses) several() bool { return len(a.up.Addresses()) > 1 }

// look makes run ask all addresses now.
func (a *addresses) look(why string) {
	select {
	case a.woken <- why:
	default:
	}
}

// network is look for when the machine may be in another network, where
// somebody else's machine may have the address of the server. It returns at
// once; plain http is out of use then.
func (a *addresses) network(why string) {
	if !a.several() {
		return
	}
	a.mu.Lock()
	a.events++
	common, private := a.up.InUse()
	a.up.Use(encrypted(common), encrypted(private))
	a.mu.Unlock()
	a.look(why)
}

func encrypted(u *url.URL) *url.URL {
	if u != nil && u.Scheme == "https" {
		return u
	}
	return nil
}

// run keeps the best address in use until ctx ends, and calls moved after each
// change.
func (a *addresses) run(ctx context.Context, moved func(why string)) {
	if !a.several() {
		return
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = askFirst, askMost
	for why, steady := "start", false; ; {
		found, better := a.decide(ctx, why, steady, moved)
		if ctx.Err() != nil {
			return
		}
		next := time.Duration(0)
		switch {
		case !found:
			next = pause.NextBackOff()
		case better:
			next = steadyAfter
		case !a.best():
			next = betterEvery
		}
		if found {
			pause.Reset()
		}
		var due <-chan time.Time
		if next > 0 {
			due = time.After(next)
		}
		steady = false
		select {
		case <-ctx.Done():
			return
		case why = <-a.woken:
		case <-due:
			why, steady = "a better address answers", better
			if !found {
				why = "an address answers again"
			}
		}
	}
}

// best reports whether the first address is in use.
func (a *addresses) best() bool {
	common, _ := a.up.InUse()
	return common == a.up.Addresses()[0]
}

// decide asks all addresses and uses what is best. better: there is a better one
// than that in use, which has to prove itself once more.
func (a *addresses) decide(ctx context.Context, why string, steady bool, moved func(string)) (found, better bool) {
	list := a.up.Addresses()
	a.mu.Lock()
	events := a.events
	common, private := a.up.InUse()
	a.mu.Unlock()
	answers := a.ask(ctx, slices.Index(list, common))
	if ctx.Err() != nil {
		return false, false
	}
	strangers := rejectStrangers(list, a.up.Base(), answers, a.known())
	good, safe := make([]bool, len(list)), make([]bool, len(list))
	for i, u := range list {
		good[i] = answers[i].err == nil
		safe[i] = good[i] && u.Scheme == "https"
	}
	i, better := chooseAddress(good, slices.Index(list, common), steady)
	j, _ := chooseAddress(safe, slices.Index(list, private), steady)
	if j < 0 {
		j = i // no way that is encrypted answers
	}
	var to, secret *url.URL
	if i >= 0 {
		to, secret = list[i], list[j]
	}
	if to == common && secret == private {
		return i >= 0, better
	}
	a.mu.Lock()
	outdated := events != a.events
	if !outdated {
		a.up.Use(to, secret)
	}
	a.mu.Unlock()
	if outdated {
		return false, false // run is woken already
	}
	if to == nil {
		a.log.Warn("no address of the server answers as the server", "reason", why, "answers", failures(list, answers))
		return false, false
	}
	a.log.Info("address of the server", "use", to.String(), "for_sign_in", secret.String(), "reason", why, "strangers", strangers)
	a.up.CloseIdle()
	moved("address of the server: " + to.Host)
	return true, better
}
