package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/netcause"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// ErrNoDaemon says that nothing listens at the socket: it does not exist, or its
// daemon died.
var ErrNoDaemon = errors.New("no Shelfkeeper is running")

// ErrEarlyEnd says that the daemon ended before it answered.
var ErrEarlyEnd = errors.New("the running Shelfkeeper ended before it answered")

// errSilent is the cause of a call that got no answer in time.
var errSilent = errors.New("the running Shelfkeeper does not answer")

const (
	// answerTimeout bounds calls that the daemon answers from memory.
	answerTimeout = 5 * time.Second

	// commandTimeout bounds calls that wait for a server or a person: a prompt of
	// the keychain stays open for two minutes, and a refresh may take one.
	commandTimeout = 5 * time.Minute

	// answerLimit bounds an answer: room for some hundred accounts in a snapshot.
	answerLimit = 1 << 20
)

// Client talks to the daemon that listens at a path. It keeps no connection and
// needs no closing. Its methods may be called concurrently. Their errors are a
// *problem.Problem from the daemon, or wrap ErrNoDaemon, ErrEarlyEnd or the context's
// error, or name the socket.
type Client struct {
	path   string
	state  string // the state directory; "" when path is the only place to look
	http   *http.Client
	peerOf func(net.Conn) peer
}

// Dial returns a client for the socket at path. The client connects at each call.
func Dial(path string) *Client {
	c := &Client{path: path, peerOf: peerOf}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext:            c.dial,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: headerLimit,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// DialDaemon returns a client for the daemon of a state directory. usual is where its
// control socket lies in this environment; a daemon that was started in another one is
// found too.
func DialDaemon(state, usual string) *Client {
	c := Dial(usual)
	c.state = state
	return c
}

// Ping returns nil when a daemon of this user and version answers.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, callPing, answerTimeout, nil, nil)
}

// Snapshot returns the daemon's state.
func (c *Client) Snapshot(ctx context.Context) (health.Snapshot, error) {
	var s health.Snapshot
	err := c.call(ctx, callSnapshot, answerTimeout, nil, &s)
	return s, err
}

// Reauthenticate makes a new session for the account with the stored secrets. It
// returns when that is done or impossible. Ending ctx aborts it.
func (c *Client) Reauthenticate(ctx context.Context, account string) error {
	return c.call(ctx, callReauth, commandTimeout, accountWire{account}, nil)
}

// ReauthenticateSameServer is Reauthenticate with the user's word that the
// account's own server answers at its address.
func (c *Client) ReauthenticateSameServer(ctx context.Context, account string) error {
	return c.call(ctx, callSame, commandTimeout, accountWire{account}, nil)
}

// Rename gives an account another name.
func (c *Client) Rename(ctx context.Context, account, to string) error {
	return c.call(ctx, callRename, answerTimeout, renameWire{account, to}, nil)
}

// SignIn signs an account in. Ending ctx aborts it.
func (c *Client) SignIn(ctx context.Context, in SignInRequest) (SignInAnswer, error) {
	wire, err := wireOf(in)
	if err != nil {
		return SignInAnswer{}, err
	}
	var out answerWire
	err = c.call(ctx, callLogin, commandTimeout, wire, &out)
	return SignInAnswer(out), err
}

// SignOut signs an account out, which erases its secrets.
func (c *Client) SignOut(ctx context.Context, account string) error {
	return c.call(ctx, callLogout, commandTimeout, accountWire{account}, nil)
}

// ChangePassword changes an account's password on the server and in the vault.
func (c *Client) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	if !utf8.ValidString(old.Reveal()) || !utf8.ValidString(changed.Reveal()) {
		return problem.New(problem.Usage, errNotUTF8, "set the terminal to UTF-8")
	}
	return c.call(ctx, callPassword, commandTimeout, passwordWire{account, old.Reveal(), changed.Reveal()}, nil)
}

// Forget forgets an account without its vault and without the server. It returns
// what was forgotten and what stays where, a sentence each.
func (c *Client) Forget(ctx context.Context, account string) (said []string, err error) {
	var out saidWire
	err = c.call(ctx, callForget, commandTimeout, accountWire{account}, &out)
	return out.Said, err
}

// SetPort gives an account another port, 0 for a free one, and returns the
// address for players.
func (c *Client) SetPort(ctx context.Context, account string, port int) (proxyURL string, err error) {
	var out urlWire
	err = c.call(ctx, callPort, commandTimeout, portWire{account, port}, &out)
	return out.ProxyURL, err
}

// Quit asks the daemon to end. It returns when the daemon has agreed, which is
// before its end.
func (c *Client) Quit(ctx context.Context) error {
	return c.call(ctx, callQuit, answerTimeout, nothing{}, nil)
}

// call sends in, if not nil, and reads the answer into out, if not nil.
func (c *Client) call(ctx context.Context, call string, timeout time.Duration, in, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSilent)
	defer cancel()
	resp, err := c.open(ctx, call, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return c.because(ctx, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("control socket %s: read the answer: %w", c.path, err)
	}
	return nil
}

// open sends in and returns an answer that is a success from a daemon of our
// user and version; the caller closes its body.
func (c *Client) open(ctx context.Context, call string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("control socket: write the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://"+hostName+path, body)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	req.Header.Set(versionHeader, strconv.Itoa(version))
	req.Header.Set("User-Agent", "shelfkeeper")
	if in != nil {
		req.Header.Set("Content-Type", jsonType)
	}
	resp, err := c.http.Do(req)
	if err != nil && method == http.MethodGet && cut(err) && ctx.Err() == nil {
		resp, err = c.http.Do(req) // that daemon is gone, or another one is there by now
	}
	if err != nil {
		return nil, c.because(ctx, err)
	}
	if err := c.judge(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// judge returns an error for every answer but a success.
func (c *Client) judge(resp *http.Response) error {
	theirs, err := strconv.Atoi(resp.Header.Get(versionHeader))
	if err != nil {
		return fmt.Errorf("control socket %s: whoever answers is no Shelfkeeper", c.path)
	}
	var p problem.Problem
	if resp.StatusCode != http.StatusOK {
		if json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(&p) != nil || p.Text == "" || p.Code == problem.OK {
			p = problem.Problem{Code: problem.Other, Text: "the daemon answered " + resp.Status}
		}
	}
	switch {
	case theirs != version && p.Remedy == "":
		// A newer daemon may encode its problems differently.
		return mismatch(version, theirs, 0)
	case resp.StatusCode != http.StatusOK:
		return &p
	}
	return nil
}

// dial connects to the daemon. Its socket may lie elsewhere than in this environment.
func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := c.dialPath(ctx, c.path)
	if err == nil || !errors.Is(err, ErrNoDaemon) && !errors.Is(err, ErrPathTooLong) {
		return conn, err
	}
	r, ok := elsewhere(c.state, c.path)
	if !ok {
		return nil, err
	}
	if conn, err = c.dialPath(ctx, r.Socket); err != nil && ctx.Err() == nil {
		if errors.Is(err, ErrNoDaemon) {
			err = fmt.Errorf("nothing is at %s", r.Socket)
		}
		// Not wrapped: a caller that finds ErrNoDaemon goes on without the daemon.
		return nil, problem.Newf(problem.Unreachable,
			fmt.Sprintf("run this in the session in which it was started, or end it: `kill %d`", r.PID),
			"Shelfkeeper runs as process %d, and its control socket cannot be reached from here: %v", r.PID, err)
	}
	return conn, err
}

// dialPath connects to the socket and checks that it belongs to our user: the request
// may hold a password, and in a directory that others can write to a socket of
// that name may belong to anybody.
func (c *Client) dialPath(ctx context.Context, path string) (net.Conn, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	conn, err := dialSocket(ctx, path)
	if err != nil {
		if nobodyListens(err) {
			return nil, fmt.Errorf("control socket %s: %w", path, ErrNoDaemon)
		}
		if errors.Is(err, fs.ErrPermission) {
			// Root owns its directory, most likely, since a command was run with sudo.
			return nil, problem.New(problem.Config, fmt.Errorf("control socket: %w", err),
				durable.Remedy(&fs.PathError{Op: "connect", Path: path, Err: fs.ErrPermission}))
		}
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if !c.peerOf(conn).isSelf() {
		_ = conn.Close()
		return nil, problem.Newf(problem.Config, "run as the user whose daemon it is, or choose another runtime directory",
			"control socket %s: another user listens there", path)
	}
	return conn, nil
}

// because returns the reason for a failed exchange, without the internal URL that
// net/http puts before it.
func (c *Client) because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("control socket %s: %w", c.path, cause)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if cut(err) {
		return problem.New(problem.Unreachable, fmt.Errorf("control socket %s: %w", c.path, ErrEarlyEnd),
			"see whether it runs: `shelfkeeper status`; then run the command again")
	}
	return err
}

// cut reports whether the daemon's end of a connection was closed. net/http may notice
// that before it has sent the request, and exports no error for it (transport.go).
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || netcause.Of(err) == netcause.Cut ||
		strings.HasSuffix(err.Error(), "server closed idle connection")
}
