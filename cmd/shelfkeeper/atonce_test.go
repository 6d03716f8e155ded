package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// Three first sign-ins at once, each in a process of its own, on a state that is
// not there yet: all succeed, and all of them tell the one address.
func TestSignInsAtOnceTellTheAddress(t *testing.T) {
	t.Parallel()
	for desc, more := range map[string]func(i int) []string{
		"one account":    func(int) []string { return nil },
		"three accounts": func(i int) []string { return []string{"--account", fmt.Sprint("at", i)} },
	} {
		t.Run(desc, func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{}), newPlace(t)
			p.secrets = append(p.secrets, password)
			results := make([]result, 3)
			var running sync.WaitGroup
			for i := range results {
				running.Go(func() {
					a := signIn(s.url, more(i)...)
					results[i] = p.run(a.stdin, a.args...)
				})
			}
			running.Wait()
			addresses := map[string]bool{}
			for i, r := range results {
				_, told, ok := strings.Cut(r.stdout, "Players use http://127.0.0.1:")
				if r.code != problem.OK || !ok || strings.HasPrefix(told, "0 ") {
					t.Errorf("%d: exit code %d\n%s%s", i, r.code, r.stdout, r.stderr)
				}
				addresses[strings.Fields(told + " -")[0]] = true
			}
			if want := map[bool]int{true: 1, false: 3}[desc == "one account"]; len(addresses) != want {
				t.Errorf("told were %v", addresses)
			}
			if desc == "one account" {
				p.daemon()
				stillSignedIn(t, p, s, 0)
				p.ok("", "reauth")
			}
		})
	}
}
