package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// exchange plays a request and compares what comes back.
func (w *World) exchange(ctx context.Context, c *Case) []string {
	if strings.Contains(c.Error, "ECONNREFUSED") {
		w.Down()
		defer w.Up()
	}
	if c.Error != "" {
		// On a connection that has been used, the client would try once more.
		w.Client.CloseIdleConnections()
	}
	resp, body, err := w.send(ctx, c.Request)
	w.died = err != nil
	switch {
	case c.Error != "" && err == nil:
		return []string{fmt.Sprintf("the answer is %d, recorded was none (%s)", resp.StatusCode, c.Error)}
	case c.Error != "":
		return nil
	case err != nil:
		return []string{"no answer: " + err.Error()}
	}
	if to := resp.Header.Get("Location"); to != "" {
		w.location = to
	}
	k := &comparison{identities: &w.identities, said: c.sent()}
	if resp.StatusCode != c.Response.Status {
		k.differ("status %d, recorded %d (%.120s)", resp.StatusCode, c.Response.Status, body)
		return k.words
	}
	w.compareBody(k, c, body)
	k.headers(c, resp, body)
	w.claims(k, c)
	w.remember(c)
	return k.words
}

// send sends a recorded request with our identities in it.
func (w *World) send(ctx context.Context, q *Request) (*http.Response, []byte, error) {
	var body io.Reader
	kind := ""
	if len(q.Body) > 0 {
		var text string
		if json.Unmarshal(q.Body, &text) != nil {
			text, kind = string(plain(q.Body)), "application/json"
		}
		body = strings.NewReader(w.ours(text))
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, w.Origin+w.ours(q.Path), body)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("User-Agent", w.agent)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for name, v := range q.Headers {
		var n int
		if _, err := fmt.Sscanf(v, "<%d bytes>", &n); err == nil {
			v = strings.Repeat("x", n)
		}
		r.Header.Set(name, w.ours(v))
	}
	resp, err := w.Client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp, raw, err
}

func (w *World) compareBody(k *comparison, c *Case, body []byte) {
	want, err := decode(c.Response.Body)
	if err != nil {
		k.differ("the recorded body cannot be read: %v", err)
		return
	}
	if text, ok := want.(string); ok {
		if wrong := k.matchText(text, string(body), k.said); wrong != "" {
			k.differ("body %s", wrong)
		}
		return
	}
	if o, ok := want.(members); ok && len(o) == 1 && o[0].key == "$binary" {
		w.compareBinary(k, c, o[0].value.(members), body)
		return
	}
	got, err := decode(body)
	if err != nil {
		k.differ("the body is no JSON: %.100q", body)
		return
	}
	k.value("", want, got)
}

// compareBinary compares lengths. Pictures are made anew by every encoder: of
// those that come in chunks only the first bytes are compared, which name the
// format.
func (w *World) compareBinary(k *comparison, c *Case, want members, body []byte) {
	n, _ := want.get("length")
	if _, chunked := c.Response.Headers["transfer-encoding"]; chunked {
		magic := want.text("first8")
		if got := fmt.Sprintf("%x", body[:min(3, len(body))]); !strings.HasPrefix(magic, got) {
			k.differ("the body begins with %s, recorded %s", got, magic)
		}
		return
	}
	if float64(len(body)) != n {
		k.differ("%d bytes, recorded %v", len(body), n)
	}
}

// remember keeps what an exchange changed and later unrecorded ones need.
func (w *World) remember(c *Case) {
	if c.Response.Status != http.StatusOK {
		return
	}
	for _, h := range holders.FindAllString(c.heard(), -1) {
		if t := w.rec.Tokens[h]; strings.HasPrefix(h, "<access") && w.own[h] != "" {
			w.access[t.text("username")] = w.own[h]
		}
	}
	var body struct {
		Password    *string
		NewPassword *string
	}
	if json.Unmarshal(c.Request.Body, &body) != nil {
		return
	}
	switch {
	case c.Request.Method == "PATCH" && body.NewPassword != nil:
		w.passwords[w.bearerName(c)] = *body.NewPassword
	case c.Request.Method == "PATCH" && body.Password != nil:
		for _, t := range w.rec.Tokens {
			if id := t.text("userId"); id != "" && strings.HasSuffix(c.Request.Path, id) {
				w.passwords[t.text("username")] = *body.Password
			}
		}
	}
}

// createUsers makes the accounts of a server that had none, after its /init.
func (w *World) createUsers(ctx context.Context) error {
	root, _, err := w.login(ctx, "root")
	if err != nil {
		return err
	}
	for _, u := range w.users() {
		if u.Name == "root" {
			continue
		}
		a, err := w.do(ctx, "POST", "/api/users", map[string]any{"username": u.Name, "password": u.Password, "isActive": !u.Disabled},
			"Authorization", "Bearer "+root.text("accessToken"))
		if err != nil {
			return fmt.Errorf("create %s: %w", u.Name, err)
		}
		if a.StatusCode != http.StatusOK {
			return fmt.Errorf("create %s: status %d", u.Name, a.StatusCode)
		}
	}
	return nil
}
