package progress

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/progress/recordlog"
)

// A full journal says so instead of 200; a report about something that already
// waits still fits, and delivery makes room.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		up := r.down()
		r.sync(id, 10, 10)
		big := strings.Repeat("x", 60<<10)
		update := func(n, position int) error {
			body := fmt.Appendf(nil, `{"currentTime":%d,"ebookLocation":%q}`, position, big)
			_, err := r.j.Take(t.Context(), Report{Kind: Patch, Item: fmt.Sprint("item", n), Body: body, Header: jsonHeader})
			return err
		}
		var full error
		n := 0
		for ; n < 1000 && full == nil; n++ {
			full = update(n, 1)
		}
		if !errors.Is(full, ErrFull) || n < 100 || n > 250 {
			t.Fatalf("%v after %d of 60 kB", full, n)
		}
		waiting := r.j.Status().Waiting
		for i := range n - 1 {
			if err := update(i, 1000+i); err != nil {
				t.Fatalf("an update of an item that waits: %v", err)
			}
		}
		if a := r.sync(id, 10, 20); !a.Kept {
			t.Errorf("%+v", a)
		}
		if s := r.j.Status(); s.Waiting != waiting+n || s.WriteError != nil {
			t.Errorf("%d updates, %+v", n, s)
		}
		if err := update(n+1, 1); !errors.Is(err, ErrFull) {
			t.Errorf("a new item: %v", err)
		}
		up()
		r.settled()
		if got := r.sum(id); got != 20 {
			t.Errorf("%v s", got)
		}
		if s := r.j.Status(); s.SetAside == 0 || s.SetAside > maxSetAside {
			t.Errorf("%+v", s) // all were of items that are not there
		}
	})
}

// What cannot be written is not said to be kept; while the server is at hand it passes.
func TestDiskTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		full := errors.New("no space left on device")
		r.j.store.hook = func(recordlog.Step) error { return full }
		if _, err := r.j.Take(t.Context(), listened(Sync, id, 1, 1)); !errors.Is(err, ErrNotOurs) {
			t.Errorf("a sync while the server is at hand: %v, want it to pass", err)
		}
		up := r.down()
		_, err := r.j.Take(t.Context(), Report{Kind: Patch, Item: r.book(), Body: []byte(`{"currentTime":1}`), Header: jsonHeader})
		if !errors.Is(err, ErrDisk) || r.j.Status().WriteError == nil || r.j.Status().Waiting != 0 {
			t.Errorf("%v %+v", err, r.j.Status())
		}
		up()
		r.j.store.hook = nil
		up = r.down()
		r.patch(r.book(), `{"currentTime":1}`)
		if s := r.j.Status(); s.WriteError != nil || s.Waiting != 1 {
			t.Errorf("%+v", s)
		}
		up()
		r.settled()
	})
}

// Reports belong to a user, whoever else signs in under the account's name.
func TestBoundToTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		up := r.down()
		r.sync(id, 10, 10)
		up()
		r.mu.Lock()
		r.who = "somebody else" // signed in within the same process
		r.mu.Unlock()
		r.j.Wake()
		r.after(time.Hour)
		if s := r.j.Status(); s.Waiting != 1 || r.sum(id) != 0 {
			t.Errorf("%+v, %v s", s, r.sum(id))
		}
		alice := r.user
		r.user = "somebody else"
		r.kill()
		if s := r.j.Status(); s.Waiting != 0 || s.OtherUsers != 1 {
			t.Errorf("as somebody else: %+v", s)
		}
		if n, err := 0, r.j.Close(); err != nil || n != 0 {
			t.Error(err)
		}
		if n, err := Waiting(r.dir, alice); n != 1 || err != nil {
			t.Errorf("waiting %d %v", n, err)
		}
		r.user, r.who = alice, alice
		r.begin()
		r.settled()
		if got := r.sum(id); got != 10 {
			t.Errorf("%v s", got)
		}
	})
}

// What nobody fetched for a month is set aside; an error of the server's own
// is tried for long, and does not stop others.
func TestSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		up := r.down()
		r.sync(id, 10, 10)
		if err := r.j.Close(); err != nil { // the machine is off
			t.Fatal(err)
		}
		r.after(tooOld + time.Hour)
		up()
		r.begin()
		r.settled()
		if s := r.j.Status(); s.SetAside != 1 || !strings.Contains(s.SetAsideReason, "30 days") || r.sum(id) != 0 {
			t.Errorf("%+v", s)
		}
		sick := r.fake.Library().Items[3].ID
		up = r.fake.Inject(absfake.Fault{
			Kind: absfake.Answer, Path: "/api/me/progress/" + sick, Method: "PATCH",
			Status: 500, Body: "Internal Server Error", ContentType: "text/plain; charset=utf-8",
		})
		began := time.Now()
		r.patch(sick, `{"currentTime":1}`)
		r.patch(r.book(), `{"currentTime":2}`)
		r.after(10 * time.Second)
		if s := r.j.Status(); s.Waiting != 1 || *r.at(r.book()).CurrentTime != 2 {
			t.Errorf("%+v", s)
		}
		r.settled()
		if s := r.j.Status(); s.SetAside != 2 || time.Since(began) < 10*time.Minute {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
		up()
	})
}

// A daemon that nobody listens through has no file open, and makes none.
func TestIdleCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		r.patch(r.book(), `{"currentTime":1}`) // with the server at hand it needs no file
		if _, err := os.Stat(r.dir); err == nil || r.j.store.isOpen() {
			t.Error("a file for nothing")
		}
		id := r.play(r.book()+"/play", "d")
		r.sync(id, 1, 1)
		if !r.j.store.isOpen() {
			t.Error("no file while a session is open")
		}
		r.take(Report{Kind: End, Session: id})
		if r.j.store.isOpen() {
			t.Error("the file stays open after the last session")
		}
		id = r.play(r.book()+"/play", "d")
		r.sync(id, 1, 1)
		r.kill()
		r.after(time.Minute)
		if !r.j.store.isOpen() {
			t.Error("an open session is forgotten at a start")
		}
	})
}
