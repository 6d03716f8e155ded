package proxy

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/wsconn"
)

// lockedLog is a log that may be read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// What a player missed of its own user is made up for, once, and the rest is
// named as lost.
func TestSocketMakesUpForAGap(t *testing.T) {
	log := &lockedLog{}
	w := newSocketWorld(t, absfake.Config{}, func(cfg *Config) { cfg.Log = slog.New(slog.NewTextHandler(log, nil)) })
	p := w.open("/socket.io/?" + socketQuery + "&token=" + grant)
	p.send(`42["auth",""]`)
	p.expect("init")
	w.wait("the user is read", func(l *absfake.Ledger) bool {
		return l.Count(func(e absfake.Entry) bool { return strings.HasPrefix(e.Path, "/api/me") }) >= 2
	})
	item := w.fake.Library().Tracks().ID
	move := func(to string) {
		t.Helper()
		a := w.send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":`+to+`}`), "Content-Type", "application/json")
		if a.StatusCode != 200 {
			t.Fatalf("%s %s", a.Status, a.body)
		}
	}
	move("5")
	p.expect("user_updated")
	remove := w.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})
	w.fake.DropSockets(absfake.EndCut)
	w.wait("it is gone", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 })
	move("77")
	remove()
	w.server.NetworkChanged("test")
	if f := p.expect("user_updated"); !strings.Contains(f, `"currentTime":77`) || !strings.Contains(f, `"token":"`+grant+`"`) {
		t.Errorf("%s", f)
	}
	f := p.expect("user_item_progress_updated")
	var told []json.RawMessage
	var moved struct {
		ID        string
		SessionID *string
		Data      struct {
			CurrentTime   float64
			LibraryItemID string
		}
	}
	if json.Unmarshal([]byte(f[2:]), &told) != nil || json.Unmarshal(told[1], &moved) != nil ||
		moved.Data.CurrentTime != 77 || moved.Data.LibraryItemID != item || moved.ID == "" || moved.SessionID == nil {
		t.Errorf("%s", f)
	}
	if strings.Count(p.all.String(), `42["init"`) != 1 {
		t.Errorf("a second init: %s", p.all.String())
	}
	// A gap in which nothing happened is not told.
	w.fake.DropSockets(absfake.EndCut)
	w.server.NetworkChanged("test")
	w.wait("the user is read again", func(l *absfake.Ledger) bool {
		return l.Count(func(e absfake.Entry) bool { return e.Path == "/api/me" }) >= 3
	})
	before := strings.Count(p.all.String(), `42["user_updated"`)
	p.send(`42["ping"]`)
	p.expect("pong")
	if n := strings.Count(p.all.String(), `42["user_updated"`); n != before {
		t.Errorf("after a gap of nothing: %s", p.all.String())
	}
	if text := log.String(); !strings.Contains(text, "other events are lost") || strings.Contains(text, w.session.token.Reveal()) {
		t.Errorf("the log: %s", text)
	}
	p.clean(w.session.all())
}

// What a player says while the server is away is sent with the next
// connection, in order, up to a bound; what is beyond it is refused and counted.
func TestSocketKeepsWhatIsSaid(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	p := w.open("/socket.io/?" + socketQuery)
	p.send(`42["auth",""]`)
	p.expect("init")
	remove := w.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Upgrades: true})
	w.fake.DropSockets(absfake.EndCut)
	w.server.sockets.each(func(j *joint) {
		up := j.upstream()
		for changed := up.Changed(); up.Snapshot().State == wsconn.Authenticated; changed = up.Changed() {
			<-changed
		}
	})
	for range unsentMost {
		p.send(`42["ping"]`)
	}
	p.send(`4217["ping"]`)
	if f := p.next(); f != `4317[{"error":"the server cannot be reached"}]` {
		t.Errorf("%s", f)
	}
	if n := w.server.Stats().Unsent; n != 1 {
		t.Errorf("%d refused", n)
	}
	remove()
	w.server.NetworkChanged("test")
	for range unsentMost {
		p.expect("pong")
	}
}

// An account with an API key has no socket at the server: init is answered
// here, and what players write is told to all of them.
func TestSocketOfAPIKey(t *testing.T) {
	tokens := &fakeTokens{}
	w := newSocketWorld(t, absfake.Config{}, func(cfg *Config) { cfg.Tokens = tokens })
	tokens.list = []string{w.apiKey()}
	first, second := w.open("/socket.io/?"+socketQuery), w.open("/socket.io/?"+socketQuery+"&token="+grant)
	for _, p := range []*player{first, second} {
		p.send(`42["auth",""]`)
		if f := p.expect("init"); !strings.Contains(f, `"username":"demo"`) || !strings.Contains(f, `"userId":"`) {
			t.Errorf("%s", f)
		}
		p.send(`42["ping"]`)
		p.expect("pong")
	}
	item := w.fake.Library().Tracks().ID
	for _, to := range []string{"5", "9"} {
		w.send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":`+to+`}`), "Content-Type", "application/json")
		for _, p := range []*player{first, second} {
			if f := p.expect("user_updated"); !strings.Contains(f, `"currentTime":`+to) {
				t.Errorf("%s", f)
			}
			p.expect("user_item_progress_updated")
		}
	}
	first.send(`42["auth",""]`)
	first.expect("init")
	if n := w.fake.Ledger().SocketsOpened(); n != 0 {
		t.Errorf("%d sockets at the server", n)
	}
	first.clean(w.session.all())
	second.clean(w.session.all())
}

func TestMissed(t *testing.T) {
	of := func(s string) (user, []entry) {
		t.Helper()
		u, entries, err := userOf(json.RawMessage(s))
		if err != nil {
			t.Fatal(err)
		}
		return u, entries
	}
	const head = `{"id":"u","username":"demo","bookmarks":[],"mediaProgress":[`
	one, two := `{"id":"a","libraryItemId":"i","episodeId":null,"lastUpdate":10}`, `{"id":"b","libraryItemId":"j","lastUpdate":20}`
	for _, c := range []struct {
		desc, before, after string
		names               []string
	}{
		{"nothing", head + one + `],"lastSeen":1}`, head + one + `],"lastSeen":2,"token":"x"}`, nil},
		{"moved", head + one + `]}`, head + strings.Replace(one, "10", "11", 1) + `]}`, []string{"user_updated", "user_item_progress_updated"}},
		{"older than known", head + one + `]}`, head + strings.Replace(one, "10", "9", 1) + `]}`, nil},
		{"begun", head + one + `]}`, head + one + `,` + two + `]}`, []string{"user_updated", "user_item_progress_updated"}},
		{"all begun", head + `]}`, head + one + `,` + two + `]}`, []string{"user_updated", "user_item_progress_updated", "user_item_progress_updated"}},
		{"forgotten", head + one + `]}`, head + `]}`, []string{"user_updated"}},
		{"a bookmark", head + `]}`, strings.Replace(head, "[]", `[{"time":5}]`, 1) + `]}`, []string{"user_updated"}},
		{"renamed", head + `]}`, strings.Replace(head, "demo", "demo2", 1) + `]}`, []string{"user_updated"}},
	} {
		before, _ := of(c.before)
		after, entries := of(c.after)
		var names []string
		for _, e := range before.missed(after, entries) {
			names = append(names, e.Name)
		}
		if !slices.Equal(names, c.names) {
			t.Errorf("%s: %v", c.desc, names)
		}
		if n := len((user{}).missed(after, entries)); n != 0 {
			t.Errorf("%s: %d events from knowing nothing", c.desc, n)
		}
		// What was told live is not missed.
		before.learn(eventOf("user_updated", after.raw))
		if n := len(before.missed(after, entries)); n != 0 {
			t.Errorf("%s: %d events after it was told", c.desc, n)
		}
	}
	for _, junk := range []string{``, `null`, `[]`, `{}`, `{"id":"u"}`, `{"id":"u","mediaProgress":7}`, `{"mediaProgress":[]}`} {
		if _, _, err := userOf(json.RawMessage(junk)); err == nil {
			t.Errorf("%s is a user", junk)
		}
	}
	u, _ := of(head + one + `]}`)
	u.learn(wsconn.Event{Name: "user_updated", Args: json.RawMessage(`[{"id":"another","mediaProgress":[]}]`)})
	if len(u.progress) != 1 {
		t.Error("another user's event was taken for the own")
	}
}

// apiKey is a key of the user's.
func (w *socketWorld) apiKey() string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/api-keys", strings.NewReader(`{"name":"k","isActive":true,"userId":"`+w.session.userID+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.session.token.Reveal())
	w.fake.Handler().ServeHTTP(rec, r)
	var made struct{ APIKey struct{ APIKey string } }
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || made.APIKey.APIKey == "" {
		w.t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return made.APIKey.APIKey
}
