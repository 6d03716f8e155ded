package service

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/upstream"
)

// answer is what an address says about the server behind it.
type answer struct {
	status absapi.Status
	err    error
}

// ask asks all addresses at once. After the first answer it waits headStart for
// the preferred ones, and at most waitMost for the one in use and for one that
// is encrypted, which vouches for the others.
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
