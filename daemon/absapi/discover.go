package absapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// attemptDeadline bounds one question of Discover. It covers a dial whose
	// first packets are lost and a server whose disk has to wake up; a person
	// is waiting.
	attemptDeadline = 15 * time.Second
	// maxHops bounds redirects: http to https, host to www, root to sub-folder.
	maxHops = 5
)

// Server is an Audiobookshelf that was found.
type Server struct {
	// Base is the final address, without trailing slash. It answered by itself,
	// with no redirect left between.
	Base        *url.URL
	Version     string
	Initialised bool
	AuthMethods []string
	// Redirected holds the addresses that pointed on to Base, in order.
	Redirected []string
	Meta
}

// Open returns a Doer that reaches the server at base, and what releases its
// connections. Discover calls it once for each origin it asks; the caller
// decides there which trust, proxy and headers that origin gets.
type Open func(base *url.URL) (doer Doer, release func(), err error)

// Discover finds the server behind what a person typed: a host, host:port, an
// address with or without scheme, sub-folder or trailing slash, or a link
// copied from the web UI. It asks GET /status and nothing else, follows
// redirects one by one (never from https to http) and sends no secret of ABS.
//
// Without a scheme it tries https first, and http only if nothing speaks TLS
// there or no ABS does: a certificate that is not trusted ends the search.
// Its error is a *DiscoverError.
func Discover(ctx context.Context, open Open, raw string) (Server, error) {
	bases, err := candidates(raw)
	if err != nil {
		return Server{}, err
	}
	s := search{open: open, unreachable: map[string]bool{}}
	var worst *DiscoverError
	for _, base := range bases {
		if s.unreachable[base.Scheme+"://"+base.Host] {
			continue
		}
		found, failed := s.follow(ctx, base)
		if failed == nil {
			return found, nil
		}
		if worst == nil || failed.Cause > worst.Cause {
			worst = failed
		}
		// What answers at the address with a page in it may be a gateway in
		// front of that page alone.
		ofPage := failed.Cause == CauseGateway && base.Path != basePath(base.Path)
		if failed.Cause.isFinal() && !ofPage || failed.Cause == CauseServer && base.Path != basePath(base.Path) || ctx.Err() != nil {
			break
		}
	}
	return Server{}, worst
}

type search struct {
	open        Open
	unreachable map[string]bool
}

// follow asks one candidate and goes where it points.
func (s *search) follow(ctx context.Context, base *url.URL) (Server, *DiscoverError) {
	var hops []string
	for {
		a, err := s.status(ctx, base)
		if err != nil {
			return Server{}, couldNotOpen(base, err)
		}
		if a.status >= 300 && a.status <= 399 && a.header.Get("Location") != "" {
			next, failed := redirected(base, a)
			if failed == nil && len(hops) == maxHops {
				failed = &DiscoverError{Cause: CauseRedirect, Address: base.String(),
					Evidence: fmt.Sprintf("it redirects more than %d times", maxHops),
					Remedy:   "give the address at which the redirects end"}
			}
			if failed != nil {
				return Server{}, failed
			}
			hops = append(hops, base.String())
			base = next
			continue
		}
		v, evidence := classify(opStatus, a)
		if v != Accepted {
			return Server{}, s.notFound(base, a, v, evidence)
		}
		status, _ := decodeStatus(a.body)
		return Server{Base: base, Version: status.Version, Initialised: status.Initialised,
			AuthMethods: status.AuthMethods, Redirected: hops, Meta: a.meta()}, nil
	}
}

func (s *search) status(ctx context.Context, base *url.URL) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptDeadline)
	defer cancel()
	doer, release, err := s.open(base)
	if err != nil {
		return reply{}, err
	}
	defer release()
	return New(doer, base).exchange(ctx, call{op: opStatus, method: http.MethodGet, path: "status"}), nil
}

func (s *search) notFound(base *url.URL, a reply, v Verdict, evidence string) *DiscoverError {
	if a.status == 0 {
		// Another path of the same origin would fail alike.
		s.unreachable[base.Scheme+"://"+base.Host] = true
	}
	return explain(base, a, v, evidence)
}

// redirected returns the base address that a redirect of base/status points
// to. Another host is followed only if it was asked for /status too: a
// sign-in page of a gateway is not the server.
func redirected(base *url.URL, a reply) (*url.URL, *DiscoverError) {
	refuse := func(cause Cause, evidence, remedy string) (*url.URL, *DiscoverError) {
		return nil, &DiscoverError{Cause: cause, Address: base.String(), Evidence: evidence, Remedy: remedy, Status: a.status}
	}
	target, err := base.JoinPath("status").Parse(a.header.Get("Location"))
	if err != nil || target.Hostname() == "" || target.Scheme != "http" && target.Scheme != "https" || !isHost(target.Hostname()) {
		return refuse(CauseRedirect, "it redirects to an address that cannot be read", "give the server's final address")
	}
	if target.User != nil {
		return refuse(CauseRedirect, "it redirects to an address with a user name in it", "give the server's final address")
	}
	if base.Scheme == "https" && target.Scheme == "http" {
		return refuse(CauseRedirect, "it redirects from https to http, on "+plain(target.Host, 60),
			"correct the redirect on the server, or give the http:// address if you trust the network")
	}
	path := strings.TrimRight(target.Path, "/")
	rest, sameQuestion := strings.CutSuffix(path, "/status")
	if !sameQuestion && !strings.EqualFold(target.Hostname(), base.Hostname()) || gateway(a) != "" {
		remedy, _ := answerRemedy(a)
		return refuse(CauseGateway, foreign(a), remedy)
	}
	if !sameQuestion {
		rest = pageOf(path)
	}
	next := withPath(target, rest)
	switch same := next.String() == base.String(); {
	case same && sameQuestion:
		return refuse(CauseRedirect, "it redirects to itself", "check the reverse proxy's rules for "+plain(base.Path+"/status", 60))
	case same: // to a sign-in page beside it
		remedy, _ := answerRemedy(a)
		return refuse(CauseGateway, foreign(a), remedy)
	}
	return next, nil
}

func couldNotOpen(base *url.URL, err error) *DiscoverError {
	var known *DiscoverError
	if errors.As(err, &known) {
		return known
	}
	return &DiscoverError{Cause: CauseSettings, Address: base.String(), Evidence: transportEvidence(err), Remedy: "correct the settings",
		Err: err}
}
