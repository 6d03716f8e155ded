package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/answers"
	"shelfkeeper/daemon/proxy/livesocket"
	"shelfkeeper/daemon/proxy/locations"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
	"shelfkeeper/wsconn"
)

// Here the rooms of this package are given what they need of each other.

// Account is what answers of our own need to know of the account.
type Account = answers.Account

// newLocal returns what answers in the server's place.
func (s *Server) newLocal() *answers.Local {
	return answers.New(answers.Config{
		Account: s.cfg.Account, BasePath: s.cfg.Base.Path, TypedPassword: s.cfg.Access != AccessGrant,
		Token: s.cfg.Grants.Token, Caller: s.callerOf, Alive: s.cfg.Grants.Alive, Ask: s.question, Count: s.count, PageHost: s.pageHost,
		Shelf: s.shelf, Log: s.log,
	})
}

// localRequest is c for an answer of our own.
func (s *Server) localRequest(c *call) *answers.Request {
	r := &answers.Request{Request: c.r, Path: c.path, Origin: scheme(c.r) + "://" + c.host, Caller: c.caller, Sender: c.sender,
		Proven: c.prove}
	if presented, how := credential(c.r); how == one {
		r.Bearer = presented
	}
	if c.page.foreign {
		r.Wrong = c.slowDown
	}
	r.Forward = func(w http.ResponseWriter, header http.Header) {
		c.extra, c.needs = header, withBearer
		s.forward(w, c)
	}
	return r
}

// newSockets returns the players' live sockets.
func (s *Server) newSockets() *livesocket.Sockets {
	return livesocket.New(livesocket.Config{
		Upstream: s.cfg.Sockets, Tokens: s.cfg.Tokens, Base: s.cfg.Base, Transport: s.cfg.Transport,
		Token:  func(ctx context.Context) (redact.Secret, error) { return s.ask(ctx, s.cfg.Tokens.Token) },
		Caller: s.callerOf, Alive: s.cfg.Grants.Alive, Clean: s.cleanFrame,
		Asked: s.playerAsked, Watch: wsconn.Watch{Active: s.Active, UnderWay: s.UnderWay, Suspect: s.cfg.Quiet},
		Paused: func() bool { return s.paused() != nil }, Log: s.log,
	})
}

// cleanFrame returns a frame of the live socket for caller, without real tokens. size
// is the length of the frame.
func (s *Server) cleanFrame(ctx context.Context, caller players.Caller, frame io.Reader, size int) ([]byte, error) {
	src := tokenfilter.JSON(frame, s.replaceFor(ctx, caller))
	out := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := out.ReadFrom(tokenfilter.Guard(src, s.known, func() { s.withheldAt(ctx, livesocket.Path) }))
	return out.Bytes(), err
}

// known are the secrets that must never leave.
func (s *Server) known() []redact.Secret {
	_, known := s.cfg.Identity()
	return known
}

// addressesOf is what c says about the addresses in its bodies.
func (s *Server) addressesOf(c *call) locations.Request {
	return locations.Request{Method: c.r.Method, Path: c.path, Scheme: scheme(c.r), Host: c.host, Base: s.cfg.Base, Others: s.cfg.Hosts}
}

// continued returns the body of x as one that goes on where it breaks off, or
// nil where it can not.
func (s *Server) continued(c *call, x *exchange) *stream.Body {
	if c.r.Method != http.MethodGet || isFiltered(x.resp) {
		return nil
	}
	return stream.New(c.context(), x.resp, s.source(c, x))
}

// source is where the remainder of the answer to c comes from.
func (s *Server) source(c *call, x *exchange) stream.Source {
	return stream.Source{
		Ask: func(ctx context.Context, part stream.Span, condition string) (*http.Response, error) {
			return s.askRemainder(ctx, c, part, condition)
		},
		Broadcast: s.broadcast, Watchdog: x.watchdog, Cancel: x.cancel,
		Resumed: func() { s.stats.resumed.Add(1) }, Log: s.log,
	}
}

// askRemainder sends the request for the remainder, twice when its token is
// refused.
func (s *Server) askRemainder(ctx context.Context, c *call, part stream.Span, condition string) (*http.Response, error) {
	var refused redact.Secret
	for {
		var token redact.Secret
		var err error
		if c.needs == withBearer {
			if token, err = s.token(ctx, refused); err != nil {
				return nil, err
			}
		}
		resp, err := s.cfg.Transport.RoundTrip(c.remainder(ctx, token.Reveal(), part, condition))
		if err != nil {
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusUnauthorized && c.needs == withBearer && refused.IsEmpty() && isOwn401(http.MethodGet, resp):
			_ = resp.Body.Close()
			refused = token
		case resp.StatusCode == http.StatusNotFound && s.detour(c):
			_ = resp.Body.Close()
		default:
			return resp, nil
		}
	}
}

// detour sends c to the file behind the track that it asked for, once. It
// reports false where there is none.
func (s *Server) detour(c *call) bool {
	if c.detour != "" {
		return false
	}
	path, ok := s.tracks.Locate(c.r.Method, c.path)
	if ok {
		c.detour, c.needs = path, withBearer
	}
	return ok
}

// opened is who is told of the answers to c that open a playback session, or nil.
func (s *Server) opened(c *call) func(io.Reader) {
	if s.cfg.Journal == nil {
		return nil
	}
	return func(answer io.Reader) { s.cfg.Journal.Opened(c.reporter(), answer) }
}

// Administers reports whether the account's user administers the server, as far as
// that is known.
func (s *Server) Administers() bool { return s.local.Administers() }

// LearnUser asks the server who the user is, unless that is known. It does not
// wait for long.
func (s *Server) LearnUser(ctx context.Context) { s.local.LearnUser(ctx) }

// OpenURL returns an address under which this server's web client opens signed
// in with scope. It works once, within 30 s, for a browser of the user.
func (s *Server) OpenURL(scope players.Scope) (string, error) { return s.local.OpenURL(scope) }
