package progress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/absfake"
)

// The stored file of an earlier version has 304 reports of this user, and one of
// another.
const (
	legacyUser    = "5d68d6e4-f6f4-4016-84a1-01b06fbcdac0"
	legacySession = "6aec7d8f-931f-4021-b008-57db5929acea"
)

func legacyFile(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("boltfile/testdata/bolt.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// upgraded starts a journal over a file of an earlier version.
func upgraded(t *testing.T, file []byte) *rig {
	t.Helper()
	r := newRig(t, absfake.Newest)
	r.down()
	r.user = legacyUser
	r.lay(file)
	r.kill()
	return r
}

// lay puts a file of an earlier version where it was.
func (r *rig) lay(file []byte) {
	r.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(r.dir), 0o700), os.WriteFile(r.dir+legacyEnding, file, 0o600)); err != nil {
		r.t.Fatal(err)
	}
}

func TestUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := upgraded(t, legacyFile(t))
		if s := r.j.Status(); s.Waiting != 304 || s.SetAside != 1 || s.OtherUsers != 1 || s.Damaged != "" || s.WriteError != nil {
			t.Errorf("%+v", s)
		}
		if _, err := os.Stat(r.dir + legacyEnding); err == nil {
			t.Error("the old file keeps its name")
		}
		if kept, err := os.ReadFile(r.dir + legacyEnding + ".imported"); err != nil || !bytes.Equal(kept, legacyFile(t)) {
			t.Errorf("the old file is not kept: %v", err)
		}
		r.kill() // what was taken over is in the new file
		if s := r.j.Status(); s.Waiting != 304 || s.SetAside != 1 || s.OtherUsers != 1 {
			t.Errorf("%+v", s)
		}
		l := r.j.sessions[legacySession]
		if l == nil || l.Sent.then(l.Waiting).Time != 20 || l.Base != 10 {
			t.Errorf("%+v", l)
		}
		var large *change
		for c := range r.j.changes.all() {
			if c.Item == "large" {
				large = c
			}
		}
		if large == nil || len(large.Body) < 20000 || r.j.lines.newestOf(itemID{"item-299", ""}) == nil || r.j.latest["off3"] == nil ||
			len(r.j.devices) != 1 {
			t.Error("not everything was taken over")
		}
		r.user = "user-b"
		r.kill()
		if s := r.j.Status(); s.Waiting != 1 || s.OtherUsers == 0 {
			t.Errorf("as the other user: %+v", s)
		}
	})
}

// Before the daemon has started, a command counts what waits in an old file.
func TestWaitingInAnOldFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if err := os.WriteFile(dir+legacyEnding, legacyFile(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]int{legacyUser: 304, "user-b": 1, "nobody": 0} {
		if n, err := Waiting(dir, user); n != want || err != nil {
			t.Errorf("%s: %d %v, want %d", user, n, err, want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
		t.Errorf("counting has changed something: %v %v", entries, err)
	}
}

// Killed at each step of taking it over, then started again: everything is there.
func TestUpgradeKilledAtEachStep(t *testing.T) {
	for at := 1; ; at++ {
		steps := 0
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, absfake.Newest)
			r.down()
			r.user = legacyUser
			r.lay(legacyFile(t))
			r.killAtStart = at
			r.kill()
			r.killAtStart = 0
			r.mu.Lock()
			steps = r.steps
			r.mu.Unlock()
			r.kill()
			if s := r.j.Status(); s.Waiting < 304 || s.OtherUsers < 1 || s.Damaged != "" || s.WriteError != nil {
				t.Errorf("killed at step %d: %+v", at, s)
			}
		})
		if steps < at {
			if at < 5 {
				t.Errorf("only %d steps", at)
			}
			return
		}
	}
}

// A damaged file of an earlier version: what can be read is taken over, the file
// is kept, and the program lives.
func TestUpgradeOfADamagedFile(t *testing.T) {
	for desc, damage := range map[string]func([]byte) []byte{
		"nothing left":    func([]byte) []byte { return nil },
		"no bolt file":    func(b []byte) []byte { return []byte(strings.Repeat("nonsense", len(b)/8)) },
		"cut short":       func(b []byte) []byte { return b[:len(b)/2] },
		"zeros":           func(b []byte) []byte { clear(b[8192:]); return b },
		"noise":           func(b []byte) []byte { noise(b[8192:]); return b },
		"a page of noise": func(b []byte) []byte { noise(b[30*4096 : 31*4096]); return b },
		"one head":        func(b []byte) []byte { noise(b[:4096]); return b },
		"one digit": func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"currentTime":17,`), []byte(`"currentTime":97,`))
		},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := upgraded(t, damage(legacyFile(t)))
				s := r.j.Status()
				if s.WriteError != nil || desc == "one digit" && (s.Waiting != 303 || s.Damaged == "") || s.Waiting < 304 && s.Damaged == "" {
					t.Errorf("%+v", s)
				}
				if desc == "a page of noise" && s.Waiting < 200 {
					t.Errorf("one page of many, and %d of 304 are left", s.Waiting)
				}
				if s.Damaged != "" {
					if _, err := os.Stat(s.Damaged); err != nil {
						t.Error(err)
					}
				}
				r.kill()
				if after := r.j.Status(); after.Waiting != s.Waiting || after.WriteError != nil {
					t.Errorf("%+v, then %+v", s, after)
				}
			})
		})
	}
}

func noise(b []byte) {
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
}
