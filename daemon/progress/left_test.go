package progress

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// leave leaves what was heard of an item, and returns the file and its session.
func (r *rig) leave(item, user string, at float64, heard time.Duration, when time.Time) (path, session string) {
	r.t.Helper()
	about := map[string]json.RawMessage{"libraryItemId": json.RawMessage(`"` + item + `"`), "duration": json.RawMessage("600")}
	before, err := leftIn(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := Leave(r.dir, Left{User: user, About: about, Place: at, Heard: heard, HeardAt: when}); err != nil {
		r.t.Fatal(err)
	}
	after, err := leftIn(r.dir)
	if err != nil || len(after) != len(before)+1 {
		r.t.Fatalf("%q, %v", after, err)
	}
	for _, path = range after {
		if !strings.Contains(strings.Join(before, "\n"), path) {
			break
		}
	}
	return path, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), leftBegin), leftEnding)
}

// stop is a daemon's ordinary end.
func (r *rig) stop() {
	r.t.Helper()
	if err := r.j.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// What was heard without a daemon is counted once it runs, also where the server is away at
// first; and it is counted once, also when the daemon dies before the file is gone.
func TestLeftIsTakenIn(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2263, absfake.R2360} {
		for _, away := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, release)
				r.stop()
				path, id := r.leave(r.book(), r.user, 42, 7*time.Second, time.Now())
				if n, err := Waiting(r.dir, r.user); n != 1 || err != nil {
					t.Errorf("%d wait, %v", n, err)
				}
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if away {
					up := r.down()
					r.begin()
					r.after(time.Minute)
					if n := r.j.Status().Waiting; n != 1 {
						t.Errorf("%d wait", n)
					}
					up()
				} else {
					r.begin()
				}
				r.settled()
				for range 2 {
					if p := r.at(r.book()); *p.CurrentTime != 42 || r.sum(id) != 7 {
						t.Errorf("%s: at %v, %v s", release, *p.CurrentTime, r.sum(id))
					}
					if _, err := os.Stat(path); err == nil {
						t.Error("the file is still there")
					}
					r.stop()
					if err := os.WriteFile(path, content, 0o600); err != nil { // as if it had died just before
						t.Fatal(err)
					}
					r.begin()
					r.settled()
				}
			})
		}
	}
}

// A place that the server has learnt since stays; what was heard is counted all the same.
func TestLeftMovesNoPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		r.stop()
		_, id := r.leave(r.book(), r.user, 42, 7*time.Second, time.Now())
		r.after(time.Minute)
		r.direct("PATCH", "/api/me/progress/"+r.book(), `{"currentTime":300,"duration":600}`, 200)
		r.after(time.Minute)
		r.begin()
		r.settled()
		if p := r.at(r.book()); *p.CurrentTime != 300 || r.sum(id) != 7 {
			t.Errorf("at %v, %v s", *p.CurrentTime, r.sum(id))
		}
	})
}

// Killed at each step while it is taken in: it is counted once.
func TestKilledWhileLeftIsTakenIn(t *testing.T) {
	steps := 0
	for at := 1; at <= steps+1; at++ {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, absfake.Newest)
			r.stop()
			_, id := r.leave(r.book(), r.user, 42, 7*time.Second, time.Now())
			r.killAtStart = at
			r.begin()
			r.after(30 * time.Second)
			r.killAtStart = 0
			if r.isDead() {
				steps = at
			}
			r.kill()
			r.settled()
			if p := r.at(r.book()); *p.CurrentTime != 42 || r.sum(id) != 7 {
				t.Errorf("killed at step %d: at %v, %v s", at, *p.CurrentTime, r.sum(id))
			}
			if left, err := leftIn(r.dir); err != nil || len(left) != 0 {
				t.Errorf("killed at step %d: %q is left, %v", at, left, err)
			}
		})
	}
	if steps < 4 {
		t.Errorf("only %d steps", steps)
	}
}

// What is not ours to take stays: another user's, a newer version's, a damaged one.
func TestLeftOfOthersStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		r.stop()
		others, _ := r.leave(r.book(), "somebody else", 42, 7*time.Second, time.Now())
		for name, content := range map[string]string{
			"newer":    `{"version":2,"user":"` + r.user + `","session":{"id":"x","libraryItemId":"` + r.book() + `"}}`,
			"damaged":  `{"version":1,"us`,
			"no item":  `{"version":1,"user":"` + r.user + `","session":{"id":"x"}}`,
			"no user":  `{"version":1,"session":{"id":"x","libraryItemId":"` + r.book() + `"}}`,
			"no shape": `[]`, "nothing": ``, "large": strings.Repeat(" ", 3*maxLeftSize),
		} {
			if err := os.WriteFile(filepath.Join(r.dir, leftBegin+name+leftEnding), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r.begin()
		r.settled()
		left, err := leftIn(r.dir)
		if err != nil || len(left) != 8 || !strings.Contains(strings.Join(left, "\n"), others) {
			t.Errorf("%q, %v", left, err)
		}
		if n := r.j.Status().Waiting; n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// What is left is bounded in size and number, and nobody else's to read.
func TestLeftIsBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "progress", "home")
	item := map[string]json.RawMessage{"libraryItemId": json.RawMessage(`"item"`)}
	one := Left{User: "u", About: item, Place: 1, Heard: time.Second, HeardAt: time.Now()}
	long := json.RawMessage(`"` + strings.Repeat("x", maxLeftSize) + `"`)
	large := map[string]json.RawMessage{"libraryItemId": item["libraryItemId"], "coverPath": long}
	for desc, bad := range map[string]Left{
		"no user": {About: item}, "no item": {User: "u"}, "too large": {User: "u", About: large},
	} {
		if err := Leave(dir, bad); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", desc, err)
		}
	}
	for range maxLeft {
		if err := Leave(dir, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := Leave(dir, one); !errors.Is(err, ErrManyLeft) {
		t.Errorf("one too many: %v", err)
	}
	left, err := leftIn(dir)
	if err != nil || len(left) != maxLeft {
		t.Fatalf("%d, %v", len(left), err)
	}
	for _, path := range append(left, dir) {
		info, err := os.Stat(path)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// Whatever lies there under such a name is taken in as an item's session or not at all.
func FuzzReadLeft(f *testing.F) {
	for _, s := range []string{`{"version":1,"user":"u","session":{"id":"x","libraryItemId":"i","episodeId":"e"}}`,
		`{"version":1,"user":"u","session":{"id":"..","libraryItemId":"i"}}`, `{"version":1,"user":"u","session":[]}`, `{`, ``, `null`} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, leftBegin+"x"+leftEnding)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := readLeft(path, "u")
		if o != nil && (err != nil || !goodID(o.ID) || !goodID(o.Item) || !json.Valid([]byte(o.Session))) {
			t.Errorf("%q: %+v, %v", content, o, err)
		}
	})
}
