package conformance

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/absfake"
)

// intoSecond is how far into its second the replay does something, so that what
// follows at once is still in it.
const intoSecond = 5 * time.Millisecond

// prelude does what the recorder did before case i without recording it.
func (w *World) prelude(ctx context.Context, i int) error {
	c, p := w.Cases[i], w.plan
	if i == 0 {
		if err := w.prepareServer(ctx); err != nil {
			return err
		}
	}
	for _, l := range p.logins {
		if !l.done && p.due(i, l.first, l.at) {
			if err := w.hiddenLogin(ctx, l); err != nil {
				return err
			}
		}
	}
	for _, h := range p.plays {
		if !h.done && p.due(i, h.first, 0) {
			if err := w.hiddenPlay(ctx, h); err != nil {
				return err
			}
		}
	}
	if err := w.rotations(ctx, i); err != nil {
		return err
	}
	if secretChanged.MatchString(c.What) && (i == 0 || !secretChanged.MatchString(w.Cases[i-1].What)) {
		w.Server.ChangeSecret()
		w.Server.Restart()
	}
	if onceWritten.MatchString(c.What) {
		time.Sleep(time.Second)
	}
	if err := w.prepareOpenID(ctx, c); err != nil {
		return err
	}
	if at := p.at(i); at != 0 {
		sleepUntil(time.Unix(at, 0).Add(intoSecond))
	}
	if at := p.lapse(c); at != 0 {
		sleepUntil(time.Unix(at+1, 0))
	}
	if c.Request != nil {
		for _, m := range itemPath.FindAllStringSubmatch(c.Request.Path, -1) {
			if _, known := w.own[m[1]]; !known && m[1] != unknownID {
				w.bind(m[1], w.Server.Library().Tracks().ID)
			}
		}
	}
	return nil
}

// prepareServer signs the administrator in as often as the limiter's first
// answer says that somebody had done before.
func (w *World) prepareServer(ctx context.Context) error {
	for i, c := range w.Cases {
		if c.Response == nil || c.Response.Headers["ratelimit-remaining"] == nil {
			continue
		}
		var limit, left int
		_, _ = fmt.Sscan(fmt.Sprint(c.Response.Headers["ratelimit-limit"]), &limit)
		_, _ = fmt.Sscan(fmt.Sprint(c.Response.Headers["ratelimit-remaining"]), &left)
		others := limit - left - 1
		for _, l := range w.plan.logins {
			if w.plan.due(i, l.first, l.at) {
				others--
			}
		}
		for range others {
			if _, _, err := w.login(ctx, "root"); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// hiddenLogin signs in at the second of the recording, or in a fresh one.
func (w *World) hiddenLogin(ctx context.Context, l *hiddenLogin) error {
	l.done = true
	at := time.Unix(l.at, 0)
	if time.Now().Unix() > l.at {
		at = time.Now().Truncate(time.Second).Add(time.Second)
	}
	if l.at != 0 {
		sleepUntil(at.Add(intoSecond))
	}
	user, answer, err := w.login(ctx, l.name)
	if err != nil {
		return err
	}
	if user == nil {
		return fmt.Errorf("sign %s in: status %d", l.name, answer.StatusCode)
	}
	for range l.times {
		if _, _, err := w.login(ctx, l.name); err != nil {
			return err
		}
	}
	w.knowUser(user, l.name)
	for _, h := range l.holds {
		own := user.text("accessToken")
		switch {
		case strings.HasPrefix(h, "<connect.sid"):
			for _, k := range answer.Cookies() {
				if k.Name == "connect.sid" {
					own = k.Value
				}
			}
		case w.rec.Tokens[h].text("type") == absfake.TokenRefresh:
			own = user.text("refreshToken")
		}
		if w.plan.forged(h) {
			own = own[:len(own)-5] + "AAAAA"
		}
		if wrong := w.bind(h, own); wrong != "" {
			return fmt.Errorf("sign %s in: %s", l.name, wrong)
		}
	}
	if w.signedIn != nil {
		w.signedIn(ctx)
	}
	for _, p := range w.plan.plays {
		// A session that was used after its token had lapsed was opened before.
		if !p.done && p.name == l.name && w.shortLived() {
			if err := w.hiddenPlay(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// shortLived tells whether the server's access tokens last seconds only.
func (w *World) shortLived() bool {
	return slices.ContainsFunc(w.plan.tokens, func(h string) bool {
		t := w.rec.Tokens[h]
		return t.text("type") == absfake.TokenAccess && t.Lifetime < 60
	})
}

// knowUser binds the user's id and its token without an end.
func (w *World) knowUser(user members, name string) {
	for _, h := range w.plan.tokens {
		t := w.rec.Tokens[h]
		if t.text("username") != name {
			continue
		}
		w.bind(t.text("userId"), user.text("id"))
		if _, known := w.own[h]; strings.HasPrefix(h, "<legacy") && !known && w.recorded[user.text("token")] == "" {
			w.bind(h, user.text("token"))
		}
	}
	w.access[name] = user.text("accessToken")
}

// hiddenPlay opens a playback session as the user or, where the recording does
// not tell, as anyone who may.
func (w *World) hiddenPlay(ctx context.Context, p *hiddenPlay) error {
	p.done = true
	names := []string{p.name}
	if p.name == "" {
		names = slices.SortedFunc(maps.Keys(w.access), func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.Count(a, "root"), strings.Count(b, "root")), strings.Compare(a, b))
		})
	}
	body := map[string]any{"deviceInfo": map[string]string{"deviceId": "beside-" + p.id[:8]}, "forceDirectPlay": !p.transcode}
	var refused error
	for _, name := range names {
		a, err := w.do(ctx, "POST", "/api/items/"+w.Server.Library().Tracks().ID+"/play", body, "Authorization", "Bearer "+w.access[name])
		if err != nil {
			return fmt.Errorf("play: %w", err)
		}
		o, err := a.json()
		if err == nil {
			w.bind(p.id, o.text("id"))
			return nil
		}
		refused = fmt.Errorf("play as %s: status %d: %w", name, a.StatusCode, err)
	}
	return refused
}

// rotations does the refreshes that came before case i, and waits as long as the
// recorder did.
func (w *World) rotations(ctx context.Context, i int) error {
	c := w.Cases[i]
	for j, later := range w.Cases[i:] {
		// What was rotated before a restart is rotated before the server stops.
		if j > 0 && !(staleToken.MatchString(later.What) && i >= w.plan.stop-1 && i+j > w.plan.stop) {
			continue
		}
		if err := w.rotation(ctx, later); err != nil {
			return err
		}
	}
	if m := afterRotation.FindStringSubmatch(c.What); m != nil {
		if at, ok := w.rotatedAt[refreshSent(c)]; ok {
			sleepUntil(at.Add(duration(m[1])))
		}
	}
	return nil
}

func refreshSent(c *Case) string {
	for _, h := range holders.FindAllString(c.sent(), -1) {
		if strings.HasPrefix(h, "<refresh") {
			return h
		}
	}
	return ""
}

func (w *World) rotation(ctx context.Context, c *Case) error {
	from := refreshSent(c)
	if from == "" || w.own[from] == "" {
		return nil
	}
	if _, done := w.rotatedAt[from]; done {
		return nil
	}
	to := w.plan.result[from]
	if c.Response != nil && to == "" {
		for _, h := range holders.FindAllString(c.heard(), -1) {
			_, known := w.own[h]
			if strings.HasPrefix(h, "<refresh") && !known && w.rec.Tokens[h].issued() < w.plan.issuedIn(c, absfake.TokenAccess) {
				to = h
			}
		}
	}
	drop := afterDrop.FindStringSubmatch(c.What)
	if to == "" && drop == nil && !staleToken.MatchString(c.What) && !afterRotation.MatchString(c.What) {
		return nil
	}
	at := time.Unix(w.rec.Tokens[from].issued()+1, 0)
	if to != "" {
		at = time.Unix(w.rec.Tokens[to].issued(), 0)
	}
	if time.Now().After(at.Add(time.Second)) {
		freshSecond() // a token of the same second would be the same one
	}
	sleepUntil(at.Add(intoSecond))
	w.rotatedAt[from] = time.Now()
	if drop != nil {
		if err := w.dropRefresh(ctx, w.own[from]); err != nil {
			return err
		}
		time.Sleep(duration(drop[1]))
		return nil
	}
	user, status, err := w.refresh(ctx, w.own[from])
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("rotate %s before %s: status %d, %w", from, c.Name, status, err)
	}
	if to != "" {
		w.bind(to, user.text("refreshToken"))
	}
	return nil
}

// dropRefresh sends a refresh and hangs up.
func (w *World) dropRefresh(ctx context.Context, token string) error {
	conn, err := w.Dial(ctx, "tcp", "abs.test:80")
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	// The server must have the request before it hears of the end.
	defer time.Sleep(intoSecond)
	_, err = fmt.Fprintf(conn, "POST /auth/refresh HTTP/1.1\r\nHost: abs.test\r\nx-refresh-token: %s\r\nContent-Length: 0\r\n\r\n", token)
	return err
}
