package progress

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// killedWith ends the process and changes its file.
func (r *rig) killedWith(damage func([]byte) []byte) {
	r.t.Helper()
	r.mu.Lock()
	r.dead = true
	r.mu.Unlock()
	_ = r.j.Close()
	b, err := os.ReadFile(r.j.store.path())
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.j.store.path(), damage(b), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// Whatever the file holds, the journal starts, keeps the file under a name that
// it tells, recovers every whole entry, and goes on.
func TestDamagedFile(t *testing.T) {
	for _, c := range []struct {
		desc   string
		damage func([]byte) []byte
		sum    float64 // of the session whose report waits
		place  float64 // of the update that waits
	}{
		{"nothing left", func([]byte) []byte { return nil }, 0, 0},
		{"a few bytes", func([]byte) []byte { return []byte("nonsense") }, 0, 0},
		{"another file", func(b []byte) []byte { return []byte(strings.Repeat("nonsense\n", 1000)) }, 0, 0},
		{"zeros", func(b []byte) []byte { clear(b); return b }, 0, 0},
		{"a head that is damaged", func(b []byte) []byte { b[3] ^= 1; return b }, 10, 7},
		{"zeros in front", func(b []byte) []byte { return append(make([]byte, 4096), b...) }, 10, 7},
		{"noise behind", func(b []byte) []byte { return append(b, "\x00\xff noise\n"...) }, 10, 7},
		{"one digit of the update", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`{"currentTime":7`), []byte(`{"currentTime":9`))
		}, 10, 0},
		{"one digit of the sum", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"time":10`), []byte(`"time":90`))
		}, 0, 7},
		{"lines in another order", func(b []byte) []byte {
			lines := bytes.SplitAfter(b, []byte("\n"))
			for i := range len(lines) / 2 {
				lines[i], lines[len(lines)-2-i] = lines[len(lines)-2-i], lines[i]
			}
			return append([]byte("nonsense\n"), bytes.Join(lines, nil)...)
		}, -1, 7},
		{"the last report is missing", func(b []byte) []byte {
			return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1]
		}, 10, 0},
		{"everything twice", func(b []byte) []byte { return append(append(bytes.Clone(b), "nonsense\n"...), b...) }, 10, 7},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, absfake.Newest)
				id := r.play(r.book()+"/play", "d")
				other := r.fake.Library().Items[3].ID
				r.direct("PATCH", "/api/me/progress/"+other, `{"currentTime":0.5,"duration":100}`, 200)
				up := r.down()
				r.after(time.Minute)
				r.sync(id, 10, 10)
				r.patch(other, `{"currentTime":7,"duration":100}`)
				r.killedWith(c.damage)
				r.begin()
				s := r.j.Status()
				if s.Damaged == "" || s.WriteError != nil || filepath.Dir(s.Damaged) != r.dir {
					t.Fatalf("%+v", s)
				}
				if _, err := os.Stat(s.Damaged); err != nil {
					t.Error(err)
				}
				if want := min(1, int(c.sum)) + min(1, int(c.place)); c.sum >= 0 && s.Recovered != want {
					t.Errorf("recovered %d entries, want %d", s.Recovered, want)
				}
				r.sync(id, 5, 15)
				up()
				r.settled()
				if got := r.sum(id); c.sum >= 0 && got != c.sum+5 {
					t.Errorf("%v s, want %v", got, c.sum+5)
				}
				if p := r.at(other); *p.CurrentTime != max(c.place, 0.5) {
					t.Errorf("at %v", *p.CurrentTime)
				}
				r.kill()
				if s := r.j.Status(); s.Damaged != "" {
					t.Errorf("damaged once more: %+v", s)
				}
			})
		})
	}
}

// A record of a session is damaged, and its older one says that a report waits
// which the server has counted since: nothing is counted twice.
func TestDamageCountsNothingTwice(t *testing.T) {
	for n := range 2 * 8 {
		cut, restarted := 1+n/2, n%2 == 1
		t.Run(fmt.Sprintf("%d lines, server restarted %v", cut, restarted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, absfake.Newest)
				id := r.play(r.book()+"/play", "d")
				up := r.down()
				r.sync(id, 10, 10)
				r.sync(id, 10, 20)
				up()
				r.settled()
				up = r.down()
				r.sync(id, 7, 30)
				r.killedWith(func(b []byte) []byte {
					lines := bytes.SplitAfter(b, []byte("\n"))
					from := max(1, len(lines)-1-cut)
					for _, line := range lines[from : len(lines)-1] {
						line[20] ^= 1
					}
					return bytes.Join(lines, nil)
				})
				if restarted {
					r.fake.Restart()
				}
				up()
				r.begin()
				r.settled()
				if got := r.sum(id); got != 20 && got != 27 {
					t.Errorf("%v s, want 20, or 27 where the last report is whole", got)
				}
			})
		})
	}
}

// Every bit of the journal's file, one in 97: it starts, and what is counted
// is what was told, or less where the report itself was hit.
func TestFlippedBits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		r.sync(id, 1, 1)
		down := r.down()
		defer down()
		r.sync(id, 10, 10)
		r.patch("some-item", `{"currentTime":7}`)
		r.patch("some-other", `{"isFinished":true}`)
		var whole []byte
		r.killedWith(func(b []byte) []byte { whole = bytes.Clone(b); return b })
		for bit := 0; bit < len(whole)*8; bit += 97 {
			b := bytes.Clone(whole)
			b[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(r.j.store.path(), b, 0o600); err != nil {
				t.Fatal(err)
			}
			r.begin()
			s := r.j.Status()
			if s.WriteError != nil || s.Waiting < 2 || s.Waiting < 3 && s.Damaged == "" {
				t.Fatalf("bit %d: %+v", bit, s)
			}
			r.mu.Lock()
			r.dead = true
			r.mu.Unlock()
			_ = r.j.Close()
		}
		r.begin()
	})
}

// A file that cannot be opened is told, and reports are not said to be kept.
func TestFileCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		if err := os.MkdirAll(r.j.store.path(), 0o700); err != nil { // a folder in its place
			t.Fatal(err)
		}
		r.kill()
		if s := r.j.Status(); s.WriteError == nil || !strings.Contains(Remedy(s.WriteError), "move away") {
			t.Errorf("%+v", s)
		}
		id := r.play(r.book()+"/play", "d")
		up := r.down()
		if a, err := r.j.Take(t.Context(), listened(Sync, id, 1, 1)); err == nil {
			t.Errorf("%+v", a)
		}
		up()
		if err := os.Remove(r.j.store.path()); err != nil {
			t.Fatal(err)
		}
		up = r.down()
		r.sync(id, 1, 1)
		if s := r.j.Status(); s.WriteError != nil || s.Waiting != 1 {
			t.Errorf("%+v", s)
		}
		up()
		r.settled()
	})
}
