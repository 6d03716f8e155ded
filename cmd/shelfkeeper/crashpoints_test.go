package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/failpoint"
	"shelfkeeper/daemon/health"
)

// fragile is the program built so that it can be killed at a named point. It
// is built when the first test asks for it.
var fragile = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "fragile.exe")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-tags=failpoints", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build with failpoints: %w\n%s", err, out)
	}
	return path, err
})

// daemonThatDies starts a daemon that kills itself at the point, if it is not
// empty, or writes the points it passes to the file trace.
func (p *place) daemonThatDies(point, trace string) *process {
	p.t.Helper()
	program, err := fragile()
	if err != nil {
		p.t.Fatal(err)
	}
	return p.startProgram(program, []string{failpoint.KillAt + "=" + point, failpoint.Trace + "=" + trace}, nil, "run", "--no-tray")
}

// rotationPoints are the points that a daemon passes in one rotation, the nth
// passing of one name as "name#n".
func rotationPoints(t *testing.T, release absfake.Release) []string {
	t.Helper()
	s, p := newServer(t, absfake.Config{Release: release}), newPlace(t)
	p.login(s)
	trace := filepath.Join(p.home, "trace")
	d := p.daemonThatDies("", trace)
	d.until(d.stdout, "\n")
	for range 2 { // so that the first is surely over
		p.ok("", "reauth")
		p.until("the keychain has it", settled)
	}
	d.kill()
	var points []string
	seen := map[string]int{}
	for _, name := range strings.Fields(p.read(trace)) {
		if name == "lock-taken" && seen[name] > 0 {
			break // the next rotation
		}
		if len(points) == 0 && name != "lock-taken" {
			continue
		}
		seen[name]++
		points = append(points, fmt.Sprintf("%s#%d", name, seen[name]))
	}
	return points
}

// Killed at each step of a rotation, started again: signed in, nothing asked of
// anybody. A password is sent only where the server replaced the token, nobody
// wrote the new one down, and the release does not answer the old one.
func TestKilledAtEachStepOfARotation(t *testing.T) {
	if _, err := fragile(); err != nil {
		t.Fatal(err)
	}
	points := rotationPoints(t, absfake.R2360)
	for _, must := range []string{
		"lock-taken#1", "pinged#1", "journal-file-created#1", "journal-file-written#1", "journal-file-synced#1", "journal-file-renamed#1",
		"journal-file-done#1", "journal-written#1", "journal-read-back#1", "committed#1", "request-ready#1", "answer-begun#1", "answered#1",
		"journal-file-created#2", "journal-file-renamed#2", "journal-file-done#2", "committed#2", "published#1", "released#1",
		"slot-write#1",
		"item-file-created#1", "item-file-renamed#1", "item-file-done#1", "slot-written#1", "slot-read-back#1",
	} {
		if !slices.Contains(points, must) {
			t.Errorf("a rotation does not pass %s: %v", must, points)
		}
	}
	from, to := slices.Index(points, "answer-begun#1"), slices.Index(points, "journal-file-renamed#2")
	// The newest release differs only where the answer is lost.
	for release, points := range map[absfake.Release][]string{absfake.R2332: points, absfake.R2360: points[from:to]} {
		const shares = 3 // side by side, each with a home and a server of its own
		for share := range shares {
			t.Run(fmt.Sprintf("%s %d", release, share+1), func(t *testing.T) {
				t.Parallel()
				s, p := newServer(t, absfake.Config{Release: release}), newPlace(t)
				p.login(s)
				generation := uint64(1)
				for i := share; i < len(points); i += shares {
					lost := from <= i && i < to && release == absfake.R2332
					generation = killedAt(t, s, p, points[i], lost, generation)
				}
			})
		}
	}
}

// killedAt kills a daemon at the point and looks at how the next one goes on.
func killedAt(t *testing.T, s *server, p *place, point string, lost bool, before uint64) uint64 {
	t.Helper()
	logins := len(s.Ledger().Logins(user))
	d := p.daemonThatDies(point, "")
	d.until(d.stdout, "\n")
	for began := time.Now(); ; {
		// Not by the command, which would act itself where no daemon is left.
		_ = control.Dial(p.socket()).Reauthenticate(t.Context(), "") // it fails where the daemon dies of it
		select {
		case <-d.ended:
		default:
			if time.Since(began) < patience {
				continue
			}
			t.Fatalf("%s is never reached", point)
		}
		break
	}
	began := time.Now()
	d = p.daemon()
	defer func() { // not killed: it may be within the next rotation
		if err := control.Dial(p.socket()).Quit(t.Context()); err != nil {
			t.Error(err)
		}
		d.wait()
	}()
	p.until("the session goes on", fresh)
	p.ok("", "reauth")
	a := p.until("the session is renewed", func(a health.Account) bool { return settled(a) && a.Session.Generation > before })
	for book := s.Library().Tracks(); ; {
		resp, _ := get(t, a.Proxy.URL+"/api/items/"+book.ID+"/file/"+book.Files[0].Ino)
		if resp.StatusCode == http.StatusOK {
			break
		}
		// On a busy machine a token of a second may end before it is used.
		if resp.StatusCode != http.StatusServiceUnavailable || time.Now().After(began.Add(patience)) {
			t.Errorf("killed at %s: a player got %s", point, resp.Status)
			break
		}
	}
	want := logins
	if lost {
		want++
	}
	if n := len(s.Ledger().Logins(user)); n != want {
		t.Errorf("killed at %s: the password was sent %d times, not %d", point, n-logins, want-logins)
	}
	return a.Session.Generation
}

// A released program has no point at which it could be killed from outside.
func TestReleasedProgramHasNoFailpoints(t *testing.T) {
	program, err := fragile()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{binary: false, program: true} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), failpoint.KillAt) != want {
			t.Errorf("%s names the variable %s: %v", filepath.Base(path), failpoint.KillAt, !want)
		}
	}
}
