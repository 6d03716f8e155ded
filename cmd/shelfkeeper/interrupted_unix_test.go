//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// Ctrl-C while a server is silent ends a command with 130 and one word, and what runs
// until then with 0.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"reauth", "login URL -u root --password-stdin --account other", "doctor", "logs -f",
		"run --no-tray --no-page"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{}), newPlace(t)
			p.login(s)
			p.daemon()
			p.until("the session is fresh", fresh)
			p.ok("", "quit") // there is a log
			before := len(s.Ledger().Entries())
			s.Inject(absfake.Fault{Kind: absfake.Stall})
			r := p.start(strings.Fields(strings.Replace(line, "URL", s.url, 1))...)
			want := problem.Interrupted
			switch {
			case strings.HasPrefix(line, "run"):
				want = problem.OK
				r.until(r.stdout, "players reach")
			case strings.HasPrefix(line, "logs"):
				want = problem.OK
				r.until(r.stdout, "runs as process")
			default:
				s.until("the server is asked", func(l *absfake.Ledger) bool {
					return l.Count(func(absfake.Entry) bool { return true }) > before
				})
			}
			if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if code := r.wait(); code != want || want == problem.Interrupted &&
				!strings.HasSuffix(r.stderr.text(), "shelfkeeper: interrupted\n") {
				t.Errorf("exit code %d\n%s", code, r.stderr.text())
			}
		})
	}
}

// A port that the user may not open is told in words, with exit code 7.
func TestPortThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	if err := listenTrouble("127.0.0.1:80", fmt.Errorf("listen: %w", os.ErrPermission)); !strings.Contains(err.Error(),
		"your user may not open that port") {
		t.Error(err)
	}
}
