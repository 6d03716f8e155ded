package survival

import (
	"errors"
	"fmt"
)

// goal is one promise, and how it was missed.
type goal struct {
	kept bool
	what string
}

// Missed names each run and each row in which Shelfkeeper missed a goal; nil if
// none did.
func (r *Report) Missed() error {
	var missed []error
	for _, run := range r.Runs {
		if run.Client != ours {
			continue
		}
		for _, g := range run.goals() {
			if !g.kept {
				missed = append(missed, fmt.Errorf("goal missed on %s (%s) with seed %d: %s", run.Release, run.Account, run.Seed, g.what))
			}
		}
	}
	return errors.Join(missed...)
}

const ours = "shelfkeeper"

// goals are what must hold in every single run.
func (r Run) goals() []goal {
	passwords := r.RotationsLost + r.LossesCertain + r.LoginsLost
	all := []goal{
		{r.Player401 == 0, fmt.Sprintf("%d times 401 for a player", r.Player401)},
		{r.MaxAuth <= r.Budget(), fmt.Sprintf("%d auth requests in ten minutes, its share is %d", r.MaxAuth, r.Budget())},
	}
	if r.Account == OpenID {
		return all
	}
	return append(all,
		goal{r.SignIns+r.SignInsCertain == 0, fmt.Sprintf("%d sign-ins by hand", r.SignIns+r.SignInsCertain)},
		goal{r.PasswordLogins == passwords,
			fmt.Sprintf("%d password logins for %d lost rotations and %d lost answers to such logins",
				r.PasswordLogins, r.RotationsLost+r.LossesCertain, r.LoginsLost)})
}
