package machine

import (
	"fmt"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

// One renewal. Each line is a fact, the step that the machine is in after it, the
// generation that callers may use, and what package session is to do now. The new
// pair came with Refreshed, but callers get it only after its Commit: a crash between
// the two must not leave a pair in use that is on no disk.
func ExampleNext() {
	old := recordAt(noon.Add(-55 * time.Minute)) // its access token lives an hour
	withIntent, renewed := old, recordAt(noon)
	withIntent.Intent = &keychain.Intent{Since: noon, Attempt: 1}
	renewed.Generation = old.Generation + 1

	state := State{Rules: RulesOf("2.36.0")}
	for i, fact := range []Fact{
		Started{},
		Opened{Record: old},
		Settled{Generation: old.Generation},
		Acquired{Record: old},
		Reachable{},
		Committed{Record: withIntent},
		Refreshed{Answer: absapi.Answer{Pair: mustPair(renewed), ServerVersion: "2.36.0"}},
		Committed{Record: renewed},
	} {
		var effects []Effect
		state, effects = Next(state, Event{At: noon.Add(time.Duration(i) * time.Second), Fact: fact})
		line := fmt.Sprintf("%T: %s, callers use generation %d", fact, state.Describe(), state.Published.Generation)
		for _, e := range effects {
			line += fmt.Sprintf("; %T", e)
		}
		fmt.Println(strings.ReplaceAll(line, "machine.", ""))
	}
	// Output:
	// Started: vault-unavailable/opening, callers use generation 0; Open
	// Opened: rotating/acquiring, callers use generation 3; Settle; Acquire
	// Settled: rotating/acquiring, callers use generation 3
	// Acquired: rotating/pinging, callers use generation 3; Preflight
	// Reachable: rotating/intending, callers use generation 3; Commit
	// Committed: rotating/refreshing, callers use generation 3; Refresh
	// Refreshed: rotating/committing, callers use generation 3; Commit
	// Committed: fresh/cleaning-up, callers use generation 4; Settle; CleanUp
}
