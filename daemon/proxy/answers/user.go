package answers

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"

	"shelfkeeper/daemon/proxy/refusal"
)

const (
	// maxUser is the largest answer with a user in it that is read: it lists
	// every book the user ever began, some 400 bytes each.
	maxUser = 64 << 20
	// maxKept is how much of it is kept, packed, for a temporary failure.
	maxKept = 4 << 20
	// userWait is how long the server is waited for while there is one that
	// was kept: players give up after 10 to 30 s.
	userWait = 4 * time.Second
)

// loginPayload is what the server answers to a sign-in (abs:
// server/Auth.js, getUserLoginResponsePayload), without a token in it: the
// answer of POST /api/authorize has the same form.
func (s *Local) loginPayload(ctx context.Context) (object, *refusal.Refusal) {
	kept := s.kept.Load()
	if kept != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, userWait)
		defer cancel()
	}
	status, raw, no := s.cfg.Ask(ctx, Question{Method: http.MethodPost, Path: "/api/authorize", WithToken: true, Limit: maxUser})
	if no == nil {
		if o, ok := userPayload(status, raw); ok {
			s.keep(raw)
			s.learn(o)
			return o, nil
		}
		no = unexpected(status)
	}
	if kept == nil {
		return nil, no
	}
	raw, err := unpack(*kept)
	if err != nil {
		return nil, no
	}
	o, ok := userPayload(http.StatusOK, raw)
	if !ok {
		return nil, no
	}
	s.cfg.Log.DebugContext(ctx, "a sign-in is answered from memory", "reason", redact.Text(no.Cause))
	return o, nil
}

// learnWait is how long a page that is opened waits for the server to say who the
// user is.
const learnWait = 2 * time.Second

// LearnUser asks the server who the user is, unless that is known.
func (s *Local) LearnUser(ctx context.Context) {
	if s.userType.Load() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, learnWait)
	defer cancel()
	_, _ = s.loginPayload(ctx) // where it fails nothing is known, as before
}

// Administers reports whether the user administers the server, as far as that is
// known.
func (s *Local) Administers() bool {
	kind := s.userType.Load()
	return kind != nil && (*kind == "root" || *kind == "admin")
}

func (s *Local) learn(payload object) {
	raw, _ := payload.get("user")
	var user struct{ Type string }
	if json.Unmarshal(raw, &user) == nil {
		s.userType.Store(&user.Type)
	}
}

// userPayload reads an answer that holds a user.
func userPayload(status int, raw []byte) (object, bool) {
	if status != http.StatusOK {
		return nil, false
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, false
	}
	user, ok := o.get("user")
	if _, err := parseObject(user); !ok || err != nil {
		return nil, false
	}
	return o, true
}

// keep keeps raw for a temporary failure, unless it is too large.
func (s *Local) keep(raw []byte) {
	var b bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // a level that exists
	_, err := zip.Write(raw)
	if err != nil || zip.Close() != nil || b.Len() > maxKept {
		return
	}
	packed := bytes.Clone(b.Bytes())
	s.kept.Store(&packed)
}

func unpack(packed []byte) ([]byte, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(zip, maxUser))
}

// answerUser answers a sign-in of caller. inBody says that the refresh token
// goes into the body; else it goes into a cookie. The order of the two tokens
// is the server's, which differs by route.
func (s *Local) answerUser(w http.ResponseWriter, c *Request, caller players.Caller, pair players.Pair, inBody bool,
	order ...string) *refusal.Refusal {
	payload, no := s.loginPayload(c.Context())
	if no != nil {
		return no
	}
	if !s.cfg.Alive(caller) { // revoked while the server was asked
		return refusal.BadGrant
	}
	raw, _ := payload.get("user")
	user, err := parseObject(raw)
	if err != nil {
		return unexpected(http.StatusOK)
	}
	own := s.cfg.Token(c.Context(), caller)
	// The web client sends a user with an old token to its sign-in page; what
	// the session itself is made of is not its business.
	user = user.without("isOldToken").without("accessToken").without("refreshToken").with("token", own)
	tokens := map[string]any{"accessToken": pair.Access, "refreshToken": nil}
	if inBody {
		tokens["refreshToken"] = pair.Refresh
	} else {
		s.setCookie(w, pair.Refresh)
	}
	for _, name := range order {
		user = user.with(name, tokens[name])
	}
	answerJSON(w, http.StatusOK, payload.with("user", user).bytes())
	return nil
}

// unexpected says that an answer of the server's is not understood.
func unexpected(status int) *refusal.Refusal {
	return refusal.Temporary.Because(fmt.Sprintf("it answered %d %s, and not what was asked for", status, http.StatusText(status)))
}
