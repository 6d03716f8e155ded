package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"shelfkeeper/daemon/absapi"
)

func itoa(n int) string { return strconv.Itoa(n) }

// ranges asks for one byte of a file of the web client, which needs no token.
func (r *run) ranges(ctx context.Context) Finding {
	a, err := r.get(ctx, "Logo.png", http.Header{"Range": {"bytes=1-1"}, "Accept-Encoding": {"identity"}})
	switch {
	case err != nil:
		return r.obstacle(err)
	case a.Status == http.StatusPartialContent && len(a.Body) == 1:
		return ok("a part of a file comes as a part")
	case a.Status == http.StatusOK:
		return fault("let the gateway pass Range, and switch off what caches or rewrites files",
			"a part was asked for, and the whole file came: players cannot seek")
	}
	return unknown("the web client's picture was answered with %d", a.Status)
}

// sizes are what an upload is announced with, without sending any of it: what a player
// reports after a journey and a large cover, what Cloudflare allows for free, and more
// than a book has.
var sizes = []struct {
	bytes int64
	text  string
	small bool // without it more than uploads fails
}{{16 << 20, "16 MB", true}, {101 << 20, "101 MB", false}, {4 << 30, "4 GB", false}}

// tiny is a body within nginx's own limit of 1 MB. Programs written in Go wait for bodies
// of up to 256 kB before they answer.
const tiny = 600 << 10

// upload announces large bodies and sends none: a gateway with a limit refuses
// at the head already, the server says that nobody is signed in.
func (r *run) upload(ctx context.Context) Finding {
	answers, errs := make([]*answer, len(sizes)), make([]error, len(sizes))
	held, passed := false, false // what no limit refuses
	var asked sync.WaitGroup
	for i, size := range sizes {
		asked.Go(func() { answers[i], errs[i] = r.announce(ctx, "api/upload", size.bytes, false) })
	}
	asked.Go(func() {
		_, err := r.announce(ctx, "api/upload", tiny, false)
		held = errors.Is(err, context.DeadlineExceeded)
	})
	if r.multiplexed {
		asked.Go(func() {
			a, err := r.announce(ctx, "api/upload", tiny, true)
			passed = err == nil && a.Status == http.StatusUnauthorized
		})
	}
	asked.Wait()
	r.holds = held && !passed
	for i, size := range sizes {
		switch err := errs[i]; {
		case errors.Is(err, context.DeadlineExceeded): // it waits for the body
		case err != nil:
			return unknown("an upload of %s was announced, and no answer came: %s", size.text, absapi.ErrorObstacle(err).Evidence)
		case answers[i].Status != http.StatusRequestEntityTooLarge:
		case size.small:
			return fault(uploadRemedy, "bodies of %s are refused with 413: covers, and what players report after a journey, may be lost", size.text)
		default:
			return note(uploadRemedy+"; Cloudflare's free plan ends at 100 MB", "uploads of %s are refused with 413", size.text)
		}
	}
	return ok("no limit was met up to %s", sizes[len(sizes)-1].text)
}

const uploadRemedy = "raise the gateway's limit: nginx `client_max_body_size 0;`, Caddy `request_body { max_size 10GB }`, " +
	"Apache `LimitRequestBody 0`"

// buffering says whether a body that was announced reaches the server before it is
// whole. Nobody is signed in, so the server answers at the head.
func (r *run) buffering(ctx context.Context) Finding {
	if !r.holds {
		return ok("what is sent reaches the server as it comes")
	}
	a, err := r.get(ctx, "ping", nil)
	if !r.multiplexed && (err != nil || !strings.HasPrefix(strings.ToLower(a.Header.Get("Server")), "nginx")) {
		return unknown("over HTTP/1.1 this gateway does not show whether it keeps uploads back")
	}
	return note("let the gateway pass bodies on as they come: nginx `proxy_request_buffering off; proxy_buffering off;`, "+
		"Caddy without `buffer_requests`",
		"the gateway keeps uploads back until they are whole: a book lies on its disk first, and may meet its time limit")
}

// String is for tests that fail.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s: %s → %s", f.Verdict, f.ID, f.Evidence, f.Remedy)
}
