package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

const (
	// tokenWait is how long a request is held while the session is renewed. A
	// refresh takes well under a second; players give up after 10 to 30 s.
	tokenWait = 10 * time.Second
	// headWait is how long the server may take until its answer begins. It
	// looks through whole libraries and asks book sites while one waits.
	headWait = 2 * time.Minute
)

var (
	errSlowHead = errors.New("no answer within two minutes")
	errStalled  = errors.New("the answer stopped coming")
)

// forward sends c upstream and its answer back.
func (s *Server) forward(w http.ResponseWriter, c *call) {
	ctx, cancel := context.WithCancelCause(c.r.Context())
	defer cancel(nil)
	// The transport may still be reading it when the answer has come; once
	// this handler has returned it must not.
	defer c.r.Body.Close()

	resp, no := s.fetch(ctx, cancel, c)
	if no == nil {
		defer resp.Body.Close()
		no = s.answer(w, c, resp, cancel)
	}
	if no == nil {
		return
	}
	if c.r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody is listening any more
	}
	s.refuse(w, c, no)
}

// fetch returns the head of the server's answer, which is never its 401.
func (s *Server) fetch(ctx context.Context, cancel context.CancelCauseFunc, c *call) (*http.Response, *refusal) {
	b, err := bodyOf(c.r)
	if err != nil {
		return nil, weather.because("the request's body did not arrive")
	}
	var token redact.Secret
	if c.needs == withBearer {
		if token, err = s.ask(ctx, s.cfg.Tokens.Token); err != nil {
			return nil, unavailable(err)
		}
	}
	slow := time.AfterFunc(headWait, func() { cancel(errSlowHead) })
	defer slow.Stop()
	ranged, second := true, false
	for {
		resp, err := s.cfg.Transport.RoundTrip(c.outgoing(ctx, token.Reveal(), b, ranged))
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return nil, weather.because(redact.Text(err.Error()))
		}
		switch {
		case resp.StatusCode == http.StatusUnauthorized:
			own := isOwn401(c.r.Method, resp)
			resp.Body.Close()
			switch {
			case !own:
				return nil, gateway401
			case c.needs == withoutBearer || second:
				return nil, tokenRejected // not the token's fault: no second try
			}
			second = true
			refused := token
			if token, err = s.ask(ctx, func(ctx context.Context) (redact.Secret, error) {
				return s.cfg.Tokens.Suspect(ctx, refused)
			}); err != nil {
				return nil, unavailable(err)
			}
			if !b.replayable() {
				return nil, askAgain
			}
		case resp.StatusCode == http.StatusPartialContent && ranged && isFiltered(resp):
			// Two halves of a token, asked for one by one, would both pass.
			// Whoever asks for a range must be ready to get the whole.
			resp.Body.Close()
			ranged = false
		default:
			return resp, nil
		}
	}
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
func unavailable(err error) *refusal {
	var u Unavailable
	if !errors.As(err, &u) {
		return noToken.because(redact.Text(err.Error()))
	}
	no := noToken.because(redact.Text(u.Error()))
	if after := u.RetryAfter(); after > 0 {
		no.retry = after
	}
	if remedy := u.Remedy(); remedy != "" {
		no.remedy = oneLine(remedy)
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
