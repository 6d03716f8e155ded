package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// openIDWire is an OpenIDRequest on the socket.
type openIDWire struct {
	Server     string          `json:"server,omitempty"`
	Account    string          `json:"account,omitempty"`
	AllowHTTP  bool            `json:"allow_http,omitempty"`
	Store      string          `json:"store,omitempty"`
	Renew      bool            `json:"renew,omitempty"`
	Replace    bool            `json:"replace,omitempty"`
	NoSpare    bool            `json:"no_spare,omitempty"`
	Passphrase string          `json:"passphrase,omitempty"`
	Gateway    json.RawMessage `json:"gateway,omitempty"`
}

// returnWire is the body of a return. The address holds a code that is useless
// without a secret that only the daemon has.
type returnWire struct {
	Address string `json:"address"`
}

// skipWire is the body of a skip.
type skipWire struct {
	State string `json:"state"`
}

// stepWire is one line of the answer to a sign-in through OpenID. The last line
// has End set.
type stepWire struct {
	URL      string      `json:"url,omitempty"`
	State    string      `json:"state,omitempty"`
	Sent     bool        `json:"sent,omitempty"`
	Redirect string      `json:"redirect,omitempty"`
	Callback string      `json:"callback,omitempty"`
	Spare    bool        `json:"spare,omitempty"`
	Answer   *answerWire `json:"answer,omitempty"`
	Notes    []string    `json:"notes,omitempty"`

	End     bool             `json:"end,omitempty"`
	Problem *problem.Problem `json:"problem,omitempty"`
}

// streamSteps answers with a line for each step. The sign-in ends when the client
// goes away.
func streamSteps(w http.ResponseWriter, r *http.Request, o OpenID) {
	var in openIDWire
	if no := receive(w, r, &in); no != nil {
		reply(w, no.status, problem.Newf(problem.Other, "", "the daemon refused the request: %s", no.reason))
		return
	}
	gateway, err := changeOf(in.Gateway)
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, problem.Of(err))
		return
	}
	w.Header().Set("Content-Type", lineType)
	rc, enc := http.NewResponseController(w), json.NewEncoder(w)
	send := func(line stepWire) error {
		_ = rc.SetWriteDeadline(time.Now().Add(replyTimeout))
		return errors.Join(enc.Encode(line), rc.Flush())
	}
	err = o.SignInOpenID(r.Context(), OpenIDRequest{Server: in.Server, Account: in.Account, AllowHTTP: in.AllowHTTP,
		Store: in.Store, Renew: in.Renew, Replace: in.Replace, NoSpare: in.NoSpare, Passphrase: redact.New(in.Passphrase), Gateway: gateway,
	}, func(s OpenIDStep) error {
		return send(stepWire{s.URL, s.State, s.Sent, s.Redirect, s.Callback, s.Spare, (*answerWire)(s.Answer), s.Notes, false, nil})
	})
	last := stepWire{End: true}
	if err != nil {
		if cause := context.Cause(r.Context()); errors.Is(cause, errClosing) {
			err = problem.New(problem.Other, cause, "start it again and repeat the command")
		}
		p := problem.Of(err)
		last.Problem = &problem.Problem{Code: p.Code, Text: redact.Text(p.Text), Remedy: redact.Text(p.Remedy)}
	}
	_ = send(last) // a client that went away needs no answer
}

// SignInOpenID performs a sign-in and calls show at each step. Ending ctx aborts
// it; a session that is stored already stays.
func (c *Client) SignInOpenID(ctx context.Context, in OpenIDRequest, show func(OpenIDStep) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The first answer comes when the server was found and the vault is open.
	silence := time.AfterFunc(commandTimeout, func() { cancel(errSilent) })
	defer silence.Stop()
	if err := checkPassphrase(in.Passphrase); err != nil {
		return err
	}
	gateway, err := gatewayOf(in.Gateway)
	if err != nil {
		return err
	}
	resp, err := c.open(ctx, callOpenID, openIDWire{Server: in.Server, Account: in.Account, AllowHTTP: in.AllowHTTP, Store: in.Store,
		Renew: in.Renew, Replace: in.Replace, NoSpare: in.NoSpare, Passphrase: in.Passphrase.Reveal(), Gateway: gateway})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, answerLimit)
	for lines.Scan() {
		silence.Stop()
		var s stepWire
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("control socket %s: read a step: %w", c.path, err)
		}
		switch {
		case s.Problem != nil:
			return s.Problem
		case s.End:
			return nil
		}
		if err := show(OpenIDStep{s.URL, s.State, s.Sent, s.Redirect, s.Callback, s.Spare, (*SignInAnswer)(s.Answer),
			s.Notes}); err != nil {
			return err
		}
	}
	if context.Cause(ctx) != nil {
		return c.because(ctx, lines.Err())
	}
	return fmt.Errorf("control socket %s: the daemon ended the sign-in: %w", c.path, errors.Join(ErrEnded, lines.Err()))
}

// ReturnOpenID hands over the browser's final address.
func (c *Client) ReturnOpenID(ctx context.Context, address string) error {
	return c.call(ctx, callOpenIDReturn, answerTimeout, returnWire{address}, nil)
}

// SkipOpenID ends the wait for the spare session of the sign-in with that state.
func (c *Client) SkipOpenID(ctx context.Context, state string) error {
	return c.call(ctx, callOpenIDSkip, answerTimeout, skipWire{state}, nil)
}
