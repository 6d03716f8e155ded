package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
)

// idleLimit is how long the replaying client keeps a connection: less than the
// server does, so that no request meets one that is being closed.
const idleLimit = 2 * time.Second

// defaultURI is the one redirect URI of a fresh server.
const defaultURI = "audiobookshelf://oauth"

// World is one server with the client that replays a group of cases against it.
// It belongs to one goroutine; Dial may be called from others.
type World struct {
	identities

	Server *absfake.Server
	Client *http.Client // follows no redirects
	Origin string       // of the recorded server: "http://127.0.0.1:23608"
	Cases  []*Case      // of the group, in order

	rec       *Recording
	provider  *oidcprovider.Provider
	agent     string
	passwords map[string]string // by user name
	plan      *plan
	access    map[string]string    // user name → a valid access token of ours
	rotatedAt map[string]time.Time // refresh token of the recording → when it was rotated
	location  string               // of the last redirect
	// whitelisted is the redirect URI that the server lets apps have; "": unknown.
	whitelisted string
	died        bool                  // the last exchange ended with a dead server
	frames      func(string) string   // changes what sockets hear; nil: nothing does
	signedIn    func(context.Context) // called after each sign-in beside the recording

	mu       sync.Mutex
	listener *absfake.MemListener // nil while the server is down
}

// Dial connects to the server, or fails while it is down.
func (w *World) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	l := w.listener
	w.mu.Unlock()
	return l.DialContext(ctx, network, addr)
}

// Down stops the server as a stop of its process does.
func (w *World) Down() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.listener.Close()
	w.Server.Restart()
}

// Up starts the server after Down.
func (w *World) Up() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener = w.Server.Listen()
}

func newWorld(rec *Recording, group string, alter func(*absfake.Config)) (*World, error) {
	w := &World{
		identities: newIdentities(), rec: rec, Origin: "http://abs.test", whitelisted: defaultURI, agent: "conformance/1",
		passwords: map[string]string{}, access: map[string]string{}, rotatedAt: map[string]time.Time{},
	}
	for _, c := range rec.Cases {
		if c.Group == group {
			w.Cases = append(w.Cases, c)
		}
	}
	w.learn()
	w.plan = newPlan(w)
	sleepUntil(w.plan.began())

	cfg := w.config()
	if alter != nil {
		alter(&cfg)
	}
	s, err := absfake.New(cfg)
	if err != nil {
		return nil, err
	}
	w.Server = s
	w.listener = s.Listen()
	w.Client = &http.Client{
		Transport: &http.Transport{DialContext: w.Dial, DisableCompression: true, IdleConnTimeout: idleLimit, MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	w.own["<media>"], w.own["<metadata>"], w.own["<config>"] = absfake.MediaPath, absfake.MetadataPath, absfake.ConfigPath
	return w, nil
}

func (w *World) close() error {
	w.Client.CloseIdleConnections()
	return w.Server.Close()
}

// sleepUntil lets the bubble's clock run up to t.
func sleepUntil(t time.Time) {
	if d := time.Until(t); d > 0 {
		time.Sleep(d)
	}
}

// answer is a whole answer to a request.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) json() (members, error) {
	v, err := decode(a.body)
	if err != nil {
		return nil, err
	}
	o, ok := v.(members)
	if !ok {
		return nil, errors.New("no JSON object")
	}
	return o, nil
}

// do sends a request with a path as it stands in the recordings. Headers come as
// name, value, name, value; a body that is no text is sent as JSON.
func (w *World) do(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	var reader io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		reader, kind = bytes.NewReader(raw), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, method, w.Origin+path, reader)
	if err != nil {
		return answer{}, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set("User-Agent", w.agent)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.Client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp, raw}, err
}

// login signs in and returns the answer's user.
func (w *World) login(ctx context.Context, name string) (members, *http.Response, error) {
	a, err := w.do(ctx, "POST", "/login", map[string]string{"username": name, "password": w.password(name)}, "x-return-tokens", "true")
	if err != nil {
		return nil, nil, fmt.Errorf("sign %s in: %w", name, err)
	}
	o, err := a.json()
	if err != nil {
		return nil, nil, fmt.Errorf("sign %s in: status %d: %w", name, a.StatusCode, err)
	}
	v, _ := o.get("user")
	user, _ := v.(members)
	return user, a.Response, nil
}

// refresh rotates a refresh token of ours and returns the answer's user.
func (w *World) refresh(ctx context.Context, token string) (members, int, error) {
	a, err := w.do(ctx, "POST", "/auth/refresh", nil, "x-refresh-token", token)
	if err != nil {
		return nil, 0, fmt.Errorf("refresh: %w", err)
	}
	if a.StatusCode != http.StatusOK {
		return nil, a.StatusCode, nil
	}
	o, err := a.json()
	if err != nil {
		return nil, a.StatusCode, fmt.Errorf("refresh: %w", err)
	}
	v, _ := o.get("user")
	user, _ := v.(members)
	return user, a.StatusCode, nil
}

// text is a member that is a string.
func (m members) text(key string) string {
	v, _ := m.get(key)
	s, _ := v.(string)
	return s
}
