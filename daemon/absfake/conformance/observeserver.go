package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// coverSize is the size of the picture to upload where the recording tells none.
const coverSize = 1162

// uploadCover puts a picture to the book, as long as the recorded one.
func (w *World) uploadCover(ctx context.Context, i int) (any, error) {
	size := coverSize
	for _, c := range w.Cases[i:] {
		if c.Request == nil || c.Response == nil || !strings.Contains(c.Request.Path, "/cover?raw=1") || c.Response.Status != 200 {
			continue
		}
		if n, ok := c.Response.Headers["content-length"].(string); ok {
			_, _ = fmt.Sscan(n, &size)
			break
		}
	}
	picture := make([]byte, size)
	copy(picture, "\xff\xd8\xff\xe0\x00\x10JFIF\x00")
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("cover", "cover.jpg")
	if err == nil {
		_, err = part.Write(picture)
	}
	if err := errors.Join(err, m.Close()); err != nil {
		return nil, err
	}
	root, _, err := w.login(ctx, "root")
	if err != nil {
		return nil, err
	}
	item := w.Server.Library().Tracks().ID
	r, err := http.NewRequestWithContext(ctx, "POST", w.Origin+"/api/items/"+item+"/cover", &form)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+root.text("accessToken"))
	answer, err := w.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	w.literal("<item>", item)
	return map[string]any{"status": answer.StatusCode, "body": string(raw)}, err
}

// stillUp tells whether the server outlived the exchange before. The double
// starts again at once, as whoever runs a server makes it do.
func (w *World) stillUp(context.Context, int) (any, error) {
	return map[string]any{"serverStillUp": !w.died}, nil
}

// whitelist tries what the server takes for redirect URIs.
func (w *World) whitelist(ctx context.Context, i int) (any, error) {
	v, err := decode(w.Cases[i].Observed)
	if err != nil {
		return nil, err
	}
	root, _, err := w.login(ctx, "root")
	if err != nil {
		return nil, err
	}
	bearer := "Bearer " + root.text("accessToken")
	patch := func(list any) (answer, error) {
		return w.do(ctx, "PATCH", "/api/auth-settings", map[string]any{"authOpenIDMobileRedirectURIs": list}, "Authorization", bearer)
	}
	out := members{}
	recorded, _ := v.(members)
	for _, e := range recorded {
		if _, err := patch([]string{"reset://x"}); err != nil {
			return nil, err
		}
		a, err := patch(json.RawMessage(e.key))
		if err != nil {
			return nil, err
		}
		o, err := a.json()
		if err != nil {
			return nil, err
		}
		updated, _ := o.get("updated")
		now, err := w.do(ctx, "GET", "/api/auth-settings", nil, "Authorization", bearer)
		if err != nil {
			return nil, err
		}
		settings, err := now.json()
		if err != nil {
			return nil, err
		}
		stored, _ := settings.get("authOpenIDMobileRedirectURIs")
		raw, err := json.Marshal(stored)
		if err != nil {
			return nil, err
		}
		out = append(out, member{e.key, map[string]any{
			"status": a.StatusCode, "updated": updated, "stored": stored, "accepted": string(raw) == e.key,
		}})
	}
	w.whitelisted = ""
	return asMap(out), nil
}

// visitProvider follows the redirect of the case before to the provider.
func (w *World) visitProvider(ctx context.Context, i int) (any, error) {
	var outcome struct{ RedirectsTo string }
	if err := json.Unmarshal(w.Cases[i].Observed, &outcome); err != nil {
		return nil, err
	}
	w.provider.Log()
	r, err := http.NewRequestWithContext(ctx, "GET", w.location, nil)
	if err != nil {
		return nil, err
	}
	answer, err := w.provider.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	to := answer.Header.Get("Location")
	recorded, err1 := url.Parse(outcome.RedirectsTo)
	ours, err2 := url.Parse(to)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	w.literal(recorded.Query().Get("code"), ours.Query().Get("code"))
	return map[string]any{"redirectsTo": to}, nil
}

func (w *World) providerLog(context.Context, int) (any, error) {
	out := []any{}
	for _, r := range w.provider.Log() {
		entry := map[string]any{"to": "provider", "method": r.Method, "path": r.Path, "query": r.Query}
		if r.Method == http.MethodPost {
			entry["body"] = r.Form
		}
		if r.Authorization != "" {
			entry["authorization"] = r.Authorization
		}
		out = append(out, entry)
	}
	return out, nil
}

func (w *World) compression(ctx context.Context, i int) (any, error) {
	s, err := w.session(ctx, w.someone(i))
	if err != nil {
		return nil, err
	}
	a, err := w.do(ctx, "GET", "/api/me", nil, "Authorization", "Bearer "+s.access, "Accept-Encoding", "gzip, br")
	if err != nil {
		return nil, err
	}
	var encoding any
	if e := a.Header.Get("Content-Encoding"); e != "" {
		encoding = e
	}
	return map[string]any{"content-encoding": encoding}, nil
}

// keepAlive leaves a connection alone after a request.
func (w *World) keepAlive(ctx context.Context, _ int) (any, error) {
	conn, err := w.Dial(ctx, "tcp", "abs.test:80")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /ping HTTP/1.1\r\nHost: abs.test\r\n\r\n"); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return nil, err
	}
	since := time.Now()
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("an idle connection ends with %w", err)
	}
	return map[string]any{
		"connection": a.Header.Get("Connection"), "keep-alive": a.Header.Get("Keep-Alive"),
		"idle_ms_until_server_closed": time.Since(since).Milliseconds(),
	}, nil
}
