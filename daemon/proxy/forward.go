package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

const (
	// tokenWait is how long a request is held while the session is renewed. A
	// refresh takes well under a second; players give up after 10 to 30 s.
	tokenWait = 10 * time.Second
	// answerWait is how long the server may take until its answer begins, from the
	// end of the request's body. Backups and batch matches take many minutes, and
	// TCP's keepalive or HTTP/2's ping finds a connection that is dead. So this is
	// only a last resort.
	answerWait = 6 * time.Hour
)

// exchange is one request to the server and its answer.
type exchange struct {
	cut
	resp     *http.Response
	watchdog *stream.Watchdog
	early    bool // its answer can begin before the server's
}

// forward sends c upstream and its answer back.
func (s *Server) forward(w http.ResponseWriter, c *call) {
	// The transport may still be reading it when the answer has come; once
	// this handler has returned it must not.
	defer c.r.Body.Close()
	b, err := bodyOf(c.r)
	if err != nil {
		s.refuse(w, c, unreadBody(err))
		return
	}
	if own := s.addressesOf(c).Theirs(b.kept); len(own) > 0 {
		b.kept, b.length = own, int64(len(own))
	}
	began, h := time.Now(), s.newHold(c, b)
	c.early = s.headKnown(c)
	for {
		if h.Held() > 0 && time.Since(began) >= earlyHead && s.beginEarly(w, c) {
			return
		}
		if s.revoked(c) { // while it was held
			s.refuse(w, c, refusal.BadGrant)
			return
		}
		no := s.attempt(w, c, b)
		switch {
		case no == nil:
			return
		case no == refusal.SlowBody, no == refusal.BadBody: // its end is also the end of the context
			s.refuse(w, c, no)
			return
		case c.paused, errors.Is(context.Cause(c.context()), errPaused):
			if no = s.paused(); no == nil {
				no = refusal.Temporary // it is over already
			}
			s.refuse(w, c, no)
			return
		case c.context().Err() != nil:
			abort(c) // the player is gone
		case s.revoked(c):
			s.refuse(w, c, refusal.BadGrant)
			return
		case !h.Again(c.context(), no):
			s.refuse(w, c, no)
			return
		}
	}
}

// attempt sends c upstream once, and its answer back. It returns why there is
// none, and has written nothing then.
func (s *Server) attempt(w http.ResponseWriter, c *call, b *body) (no *refusal.Refusal) {
	ctx, cancel := context.WithCancelCause(c.r.Context())
	defer cancel(nil)
	x := &exchange{cut: cut{cancel}, watchdog: s.broadcast.NewWatchdog(), early: c.early}
	if c.pausable {
		s.pausing.begin(&x.cut)
		defer s.pausing.end(&x.cut)
	}
	defer x.watchdog.Over()
	x.watchdog.Watch(cancel)
	defer func() { c.paused = no != nil && errors.Is(context.Cause(ctx), errPaused) }()
	if no := s.fetch(ctx, x, c, b); no != nil {
		return no
	}
	defer x.resp.Body.Close()
	s.keepPicture(c, x.resp)
	before := headerOf(w)
	if no = doubtful(c, b, x.resp, s.answer(w, c, x)); no != nil {
		before.restore(w)
	}
	return no
}

// headBefore is a header as it was before an answer was tried: few lines.
type headBefore struct {
	few [8]struct {
		name   string
		values []string
	}
	n    int
	many http.Header // where they are more
}

func headerOf(w http.ResponseWriter) (before headBefore) {
	h := w.Header()
	if len(h) > len(before.few) {
		before.many = maps.Clone(h)
		return before
	}
	for name, values := range h {
		before.few[before.n].name, before.few[before.n].values = name, values
		before.n++
	}
	return before
}

func (b *headBefore) restore(w http.ResponseWriter) {
	h := w.Header()
	clear(h)
	for _, one := range b.few[:b.n] {
		h[one.name] = one.values
	}
	maps.Copy(h, b.many)
}

// fetch gets the head of the server's answer, which is never its 401.
func (s *Server) fetch(ctx context.Context, x *exchange, c *call, b *body) *refusal.Refusal {
	probe := time.Duration(0)
	if repeatable(c, b) {
		probe = stream.WakeHead
	}
	var token, refused redact.Secret
	var sent fate
	for ranged := true; ; {
		var err error
		if c.needs == withBearer && token.IsEmpty() {
			if token, err = s.tokenSoon(ctx, c, refused); err != nil {
				return unavailable(err)
			}
			if !b.replayable() {
				return refusal.AskAgain
			}
		}
		resp, err := s.roundTrip(x, c.outgoing(sent.errand(ctx, c, b), token.Reveal(), b, ranged), b, probe)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return s.unreached(err, sent.lost(c, b, err))
		}
		switch {
		case resp.StatusCode == http.StatusUnauthorized:
			no := s.foreign(c, resp)
			own := isOwn401(c.r.Method, resp)
			resp.Body.Close()
			switch {
			case no != nil:
				return no
			case !own:
				return refusal.Gateway401
			case c.needs == withoutBearer || !refused.IsEmpty():
				return refusal.TokenRejected // not the token's fault: no second try
			}
			refused, token = token, redact.Secret{}
		case resp.StatusCode == http.StatusNotFound && s.detour(c):
			resp.Body.Close()
		case resp.StatusCode == http.StatusPartialContent && ranged && isFiltered(resp):
			// Two halves of a token, asked for one by one, would both pass.
			// Whoever asks for a range must be ready to get the whole.
			resp.Body.Close()
			ranged = false
		default:
			if no := s.foreign(c, resp); no != nil {
				resp.Body.Close()
				return doubtful(c, b, resp, no)
			}
			asPing(c, resp)
			x.resp = resp
			return nil
		}
	}
}

// roundTrip sends a request and waits for the head of its answer. The time for the
// answer begins when the body has been sent. probe is what a change of network leaves.
func (s *Server) roundTrip(x *exchange, out *http.Request, b *body, probe time.Duration) (*http.Response, error) {
	wait := func() { x.watchdog.Begin(answerWait, probe, stream.ErrSlowHead) }
	if x.early { // the answer begins without the server, and asks again for its bytes
		wait = func() { x.watchdog.Begin(earlyHead, probe, errEarly) }
	}
	if b.stream != nil {
		b.stream.whenOver(wait)
	} else {
		wait()
	}
	resp, err := s.cfg.Transport.RoundTrip(out)
	if b.stream != nil {
		b.stream.whenOver(nil)
	}
	x.watchdog.End()
	return resp, err
}

// promptTokens are Tokens that tell whether one is there.
type promptTokens interface {
	// TokenNow returns what Token would return at once, and false where it would not.
	TokenNow() (redact.Secret, bool)
}

// token returns a token for one request: a good one, or one in place of
// refused where that is given.
func (s *Server) token(ctx context.Context, refused redact.Secret) (redact.Secret, error) {
	if refused.IsEmpty() {
		return s.ask(ctx, s.cfg.Tokens.Token)
	}
	return s.ask(ctx, func(ctx context.Context) (redact.Secret, error) { return s.cfg.Tokens.Suspect(ctx, refused) })
}

// tokenSoon is token for c, which waits no longer than an answer may be silent that can
// begin early. Most requests need not wait, and so no clock.
func (s *Server) tokenSoon(ctx context.Context, c *call, refused redact.Secret) (redact.Secret, error) {
	if tokens, tells := s.cfg.Tokens.(promptTokens); tells && refused.IsEmpty() && ctx.Err() == nil {
		if token, ready := tokens.TokenNow(); ready && !token.IsEmpty() {
			return token, nil
		}
	}
	s.warm(ctx, c)
	if c.early {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, earlyHead)
		defer cancel()
	}
	return s.token(ctx, refused)
}

// ask asks for a token, for a bounded time.
func (s *Server) ask(ctx context.Context, f func(context.Context) (redact.Secret, error)) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenWait)
	defer cancel()
	token, err := f(ctx)
	if err == nil && token.IsEmpty() {
		err = errors.New("no token")
	}
	return token, err
}

// unavailable says to a player what err says.
func unavailable(err error) *refusal.Refusal {
	var u Unavailable
	if !errors.As(err, &u) {
		return refusal.NoToken.Because(redact.Text(err.Error()))
	}
	no := refusal.NoToken.Because(redact.Text(u.Error()))
	if after := u.RetryAfter(); after > 0 {
		no.Retry = after
	}
	no.Passing, no.EndsEarly = u.Passes(), true
	if remedy := u.Remedy(); remedy != "" {
		no.Remedy = refusal.OneLine(remedy)
	}
	return no
}

// own401 is all that Audiobookshelf says when it refuses a token: no type, no
// WWW-Authenticate (abs: passport; measured on 2.26.3 to 2.36.0).
const own401 = "Unauthorized"

// isOwn401 reports whether resp, a 401, is the server's own and not that of a
// gateway before it.
func isOwn401(method string, resp *http.Response) bool {
	if resp.Header["Www-Authenticate"] != nil {
		return false
	}
	if method == http.MethodHead {
		return resp.Header["Content-Type"] == nil // there is no body to tell by
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(own401))+1))
	return err == nil && string(said) == own401
}

func isFiltered(resp *http.Response) bool {
	return tokenfilter.KindOf(resp.Header.Get("Content-Type")) != tokenfilter.Opaque
}
