package absfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recording is what running servers of a release answered. Tokens in it are
// placeholders: the same one is the same token.
type recording struct {
	Release Release
	Item    string            // the id of the book that was played
	Ino     string            // of its first file
	Twice   []string          // tokens that two sessions of one second shared
	Tokens  map[string]string // placeholder to the user's name
	Cases   []recordedCase
}

type recordedCase struct {
	Name, Group string
	Request     struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	}
	Status  int
	At      int64 // the second in which the answer's tokens were issued, if any
	Headers map[string]any
	Body    json.RawMessage
}

func TestReplayRecordedAnswers(t *testing.T) {
	for _, release := range []Release{R2263, R2360} {
		raw, err := os.ReadFile("testdata/answers-" + string(release) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var rec recording
		if err := json.Unmarshal(raw, &rec); err != nil {
			t.Fatal(err)
		}
		for _, group := range []string{"main", "media", "limiter", "extra", "basepath"} {
			t.Run(string(release)+"/"+group, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { newReplay(t, rec, group).run() })
			})
		}
	}
}

// replay plays the cases of a group in order against one server.
type replay struct {
	*world
	t      *testing.T
	rec    recording
	cases  []recordedCase
	bound  map[string]string // placeholder or id of the recording to ours
	unborn []string          // tokens that no recorded answer handed out
	last   int64             // At of the case before
}

var (
	placeholder = regexp.MustCompile(`<(access|refresh|legacy):[^>]+>`)
	recordedID  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// Sizes in the recordings: of the played file and of the cover.
const (
	recordedSize  = 9601059
	recordedCover = 1162
)

func newReplay(t *testing.T, rec recording, group string) *replay {
	cfg := Config{Release: rec.Release, Large: 1 << 20}
	users := []User{
		{Name: "root", Password: "correct-horse-1", Type: "root"}, {Name: "alice", Password: "alice-pw-1"}, {Name: "bob", Password: "bob-pw-1"},
		{Name: "carol", Password: "carol-pw-1"}, {Name: "gina", Password: "gina-pw-1", Disabled: true},
	}
	cfg.Users = users
	switch group {
	case "main":
		cfg.Uninitialised = true
	case "limiter":
		cfg.LimiterMax, cfg.LimiterWindow = 5, 12*time.Second
	case "basepath":
		cfg.BasePath = "/audiobookshelf"
	}
	r := &replay{world: newWorld(t, cfg), t: t, rec: rec, bound: map[string]string{}}
	f := r.s.library.Tracks().Files
	f[0].Size, f[0].ReaderAt = 100_000, newTone(0, 100_000) // the length of the bodies is beside the point
	r.bound[rec.Item], r.bound[rec.Ino] = r.s.library.Tracks().ID, f[0].Ino
	seen := map[string]bool{}
	for _, c := range rec.Cases {
		if c.Group != group {
			continue
		}
		r.cases = append(r.cases, c)
		request, _ := json.Marshal(c.Request)
		for _, p := range placeholders(string(request)) {
			if !seen[p] {
				r.unborn = append(r.unborn, p)
			}
			seen[p] = true
		}
		answer, _ := json.Marshal(c.Headers)
		for _, p := range placeholders(string(answer) + string(c.Body)) {
			seen[p] = true
		}
	}
	return r
}

func placeholders(text string) []string {
	text = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(text)
	return placeholder.FindAllString(text, -1)
}

func (r *replay) run() {
	for i, c := range r.cases {
		r.prepare(i)
		if c.Group != "limiter" && (c.At == 0 || c.At != r.last) {
			time.Sleep(1100 * time.Millisecond) // no collisions but the recorded ones
		}
		r.last = c.At
		if c.Name == "limiter/after-window" {
			time.Sleep(12 * time.Second)
		}
		r.play(c)
		if c.Name == "init/first" {
			r.s.mu.Lock()
			for _, u := range []User{{Name: "alice"}, {Name: "bob"}, {Name: "carol"}, {Name: "gina", Disabled: true}} {
				r.s.addUserLocked(u.Name, u.Name+"-pw-1", "user", !u.Disabled)
			}
			r.s.mu.Unlock()
		}
	}
}

// prepare makes the tokens that the recorder got outside its recording: those
// of all cases that belong together, before the first of them.
func (r *replay) prepare(i int) {
	topic := strings.TrimRight(strings.Join(strings.SplitN(r.cases[i].Name+"//", "/", 3)[:2], "/"), "/")
	for _, c := range r.cases[i:] {
		if !strings.HasPrefix(c.Name, topic) {
			continue
		}
		request, _ := json.Marshal(c.Request)
		for _, p := range placeholders(string(request)) {
			if r.bound[p] != "" || !slices.Contains(r.unborn, p) {
				continue
			}
			if c.Group != "limiter" {
				time.Sleep(1100 * time.Millisecond)
			}
			r.bound[p] = r.make(p, strings.Contains(c.Name, "tampered") || strings.Contains(c.Name, "bad-signature"))
			if slices.Contains(r.rec.Twice, p) && r.make(p, false) != r.bound[p] {
				r.t.Errorf("%s: two sessions of one second must share it", p)
			}
		}
	}
}

func (r *replay) make(p string, bad bool) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	u := r.s.userByNameLocked(r.rec.Tokens[p])
	if u == nil {
		r.t.Fatalf("%s belongs to %q, who is not here", p, r.rec.Tokens[p])
	}
	got, _ := r.s.createSessionLocked(u, "127.0.0.1", "recorder")
	token := got.refresh
	switch {
	case strings.HasPrefix(p, "<access"):
		token = got.access
	case strings.HasPrefix(p, "<legacy"):
		token = u.legacy
	}
	if bad {
		return token[:len(token)-5] + "AAAAA"
	}
	return token
}

// ours puts our tokens, ids and numbers into recorded text.
func (r *replay) ours(text string) string {
	size := r.s.library.Tracks().Files[0].Size
	cover := r.s.library.Tracks().Cover
	pairs := []string{
		"audio/mpeg", "audio/wav", `W/"928023-1a1fbc2910e"`, fileETag(r.s.library.Tracks().Files[0]), `W/"48a-`, fileETag(cover)[:strings.Index(fileETag(cover), "-")+1],
		"01.mp3", "01.wav",
	}
	for _, back := range []int64{0, 1, 100, 10, 99, 101, -1000} {
		pairs = append(pairs, fmt.Sprint(recordedSize-back), fmt.Sprint(size-back))
	}
	for old, own := range r.bound {
		pairs = append(pairs, old, own)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	text = regexp.MustCompile(`\b`+fmt.Sprint(recordedCover)+`\b`).ReplaceAllString(text, fmt.Sprint(cover.Size))
	return regexp.MustCompile(`W/"([0-9a-f]+)-1a1f[0-9a-f]{7}"`).ReplaceAllString(text, fmt.Sprintf(`W/"$1-%x"`, libraryTime.UnixMilli()))
}

var recordedDate = regexp.MustCompile(`[A-Z][a-z]{2}, 21 Nov 2026 [0-9:]{8} GMT`)

func (r *replay) play(c recordedCase) {
	t := r.t
	var body io.Reader
	if len(c.Request.Body) > 0 {
		var text string
		if json.Unmarshal(c.Request.Body, &text) != nil {
			text = string(c.Request.Body)
		}
		body = strings.NewReader(r.bind(text))
	}
	request, err := http.NewRequestWithContext(t.Context(), c.Request.Method, "http://abs.test"+r.bind(c.Request.Path), body)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.Request.Headers {
		if v == "<20000 bytes>" {
			v = strings.Repeat("x", 20000)
		}
		v = recordedDate.ReplaceAllString(r.ours(v), libraryTime.Format(http.TimeFormat))
		if k == "if-none-match" && c.Group == "extra" {
			v = r.bound["etag"]
		}
		request.Header.Set(k, v)
	}
	answer, err := r.client.Do(request)
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
		return
	}
	raw, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
	}
	if c.Name == "extra/me-etag" {
		r.bound["etag"] = answer.Header.Get("ETag")
	}
	if answer.StatusCode != c.Status {
		t.Errorf("%s: status %d, recorded %d (%.200s)", c.Name, answer.StatusCode, c.Status, raw)
		return
	}
	r.compareBody(c, raw)
	r.compareHeaders(c, answer, raw)
}

// bind puts our ids and tokens into a path or a body.
func (r *replay) bind(text string) string {
	var pairs []string
	for old, own := range r.bound {
		pairs = append(pairs, old, own)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (r *replay) compareBody(c recordedCase, raw []byte) {
	var text string
	if json.Unmarshal(c.Body, &text) == nil {
		if got, want := string(raw), r.ours(text); got != want {
			r.t.Errorf("%s: body %q, recorded %q", c.Name, got, want)
		}
		return
	}
	want := ordered(r.t, c.Body)
	if o, ok := want.(object); ok && o[0].key == "$binary" {
		if n, _ := o[0].value.(float64); fmt.Sprint(len(raw)) != r.ours(fmt.Sprint(int64(n))) {
			r.t.Errorf("%s: %d bytes, recorded %v", c.Name, len(raw), o[0].value)
		}
		return
	}
	if !bytes.HasPrefix(raw, []byte("{")) {
		r.t.Errorf("%s: no JSON object: %.100q", c.Name, raw)
		return
	}
	r.compare(c.Name, "", want, ordered(r.t, raw))
}
