package service

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
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

// addresses finds out which of a server's several addresses to use. It sends
// nothing but GET /status before an address is in use, and takes one out of
// use as soon as it may be somebody else's: plain http at each event of the
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
		found, doubt := a.decide(ctx, why, steady, moved)
		if ctx.Err() != nil {
			return
		}
		next := time.Duration(0)
		switch {
		case !found:
			next = pause.NextBackOff()
		case doubt:
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
			why, steady = "a better address answers", doubt
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

// decide asks all addresses and uses what is best. doubt: there is a better one
// than that in use, which has to prove itself once more.
func (a *addresses) decide(ctx context.Context, why string, steady bool, moved func(string)) (found, doubt bool) {
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
	i, doubt := chooseAddress(good, slices.Index(list, common), steady)
	j, _ := chooseAddress(safe, slices.Index(list, private), steady)
	if j < 0 {
		j = i // no way that is encrypted answers
	}
	var to, secret *url.URL
	if i >= 0 {
		to, secret = list[i], list[j]
	}
	if to == common && secret == private {
		return i >= 0, doubt
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
		a.log.Warn("no address of the server answers as the server", "reason", why, "answers", told(list, answers))
		return false, false
	}
	a.log.Info("address of the server", "use", to.String(), "for_sign_in", secret.String(), "reason", why, "strangers", strangers)
	a.up.CloseIdle()
	moved("address of the server: " + to.Host)
	return true, doubt
}

// chooseAddress picks an address by the order of the list: the first that is good,
// -1 if none is. One in use (now, or -1) that is good is left only for a
// better one that was good before, and doubt says that there is one to watch.
func chooseAddress(good []bool, now int, steady bool) (pick int, doubt bool) {
	first := slices.Index(good, true)
	switch {
	case first < 0 || now < 0 || !good[now]:
		return first, false
	case first < now && !steady:
		return now, true
	}
	return first, false
}

// answer is what an address says about the server behind it.
type answer struct {
	status absapi.Status
	err    error
}

// ask asks all addresses at once, and waits no longer than worth it: for the
// preferred ones a headStart after the first answer, for that in use a while,
// and as long for one that is encrypted: it vouches for the others.
func (a *addresses) ask(ctx context.Context, now int) []answer {
	list := a.up.Addresses()
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithTimeout(ctx, askDeadline)
	defer cancel()
	type reply struct {
		of int
		answer
	}
	replies := make(chan reply, len(list))
	answers := make([]answer, len(list))
	for i, u := range list {
		answers[i].err = errSlow
		asking.Go(func() {
			status, err := a.status(ctx, u)
			replies <- reply{i, answer{status, err}}
		})
	}
	var head, most <-chan time.Time
	waiting, sealed := now >= 0, 0
	for _, u := range list {
		if u.Scheme == "https" {
			sealed++
		}
	}
	for left := len(list); left > 0; {
		select {
		case r := <-replies:
			left--
			answers[r.of] = r.answer
			waiting = waiting && r.of != now
			if list[r.of].Scheme == "https" {
				if sealed--; r.err == nil {
					sealed = 0 // one is enough
				}
			}
			if r.err == nil && most == nil {
				head, most = time.After(headStart), time.After(waitMost)
			}
		case <-head:
			head = nil
		case <-most:
			return answers
		}
		if most != nil && head == nil && !waiting && sealed <= 0 {
			return answers
		}
	}
	return answers
}

var errSlow = fmt.Errorf("no answer so far")

// status asks who is at u. Plain http is asked in a private network only, but
// for the address that the user signed in to.
func (a *addresses) status(ctx context.Context, u *url.URL) (absapi.Status, error) {
	if u.Scheme == "http" && u.String() != a.up.Base().String() {
		if ok, why := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, u); !ok {
			return absapi.Status{}, fmt.Errorf("not asked: %s", why)
		}
	}
	conn := a.up.Probe(u)
	defer conn.Close()
	status, err := absapi.New(conn, a.up.Base()).Status(ctx)
	if err == nil && !status.Initialised {
		err = fmt.Errorf("a server without users")
	}
	return status, err
}

// rejectStrangers makes failures of the answers that come from another server than
// the account's, as far as can be told, and returns how many they were. What a
// certificate vouches for decides: the account's own address, else the first
// of the list that has not an older release than is known. All others must
// have its release and sign-in methods. Where nothing is vouched for, an
// answer must come from the release that is known, or a later one.
func rejectStrangers(list []*url.URL, base *url.URL, answers []answer, known string) (strangers int) {
	witness := -1
	for i, u := range list {
		if answers[i].err != nil || u.Scheme != "https" {
			continue
		}
		if own := u.String() == base.String(); own || witness < 0 && absapi.SameOrLater(answers[i].status.Version, known) {
			witness = i
		}
	}
	for i := range answers {
		a := &answers[i]
		if a.err != nil || i == witness {
			continue
		}
		if witness >= 0 && sameStatus(a.status, answers[witness].status) || witness < 0 && absapi.SameOrLater(a.status.Version, known) {
			continue
		}
		a.err = fmt.Errorf("another Audiobookshelf (%s)", a.status.Version)
		strangers++
	}
	return strangers
}

func sameStatus(a, b absapi.Status) bool {
	return a.Version == b.Version && slices.Equal(slices.Sorted(slices.Values(a.AuthMethods)), slices.Sorted(slices.Values(b.AuthMethods)))
}

func told(list []*url.URL, answers []answer) string {
	var out []string
	for i, u := range list {
		if answers[i].err != nil {
			out = append(out, u.Host+": "+redact.Text(answers[i].err.Error()))
		}
	}
	return strings.Join(out, "; ")
}
