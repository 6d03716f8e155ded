package machine

import (
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

// A renewal, one fact after the other. Each effect is something that package
// session does for the machine, and what came of it is the next fact. The new
// pair may be used only after it was committed.
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
		fmt.Printf("%T: %v", fact, state.Describe())
		for _, e := range effects {
			fmt.Printf(", %T", e)
		}
		fmt.Println()
	}
	fmt.Println("published generation", state.Published.Generation)
	// Output:
	// machine.Started: vault-unavailable/opening, machine.Open
	// machine.Opened: rotating/acquiring, machine.Settle, machine.Acquire
	// machine.Settled: rotating/acquiring
	// machine.Acquired: rotating/pinging, machine.Preflight
	// machine.Reachable: rotating/intending, machine.Commit
	// machine.Committed: rotating/refreshing, machine.Refresh
	// machine.Refreshed: rotating/committing, machine.Commit
	// machine.Committed: fresh/cleaning-up, machine.Settle, machine.CleanUp
	// published generation 4
}
