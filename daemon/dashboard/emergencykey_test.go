package dashboard

import (
	"slices"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
)

// While the emergency key serves, the first button signs in, and the page says until when.
func TestEmergencyKeyOnThePage(t *testing.T) {
	now := time.Now()
	for _, is := range []string{health.KeyKept, health.KeyInUse, health.KeyEnded, health.KeyRefused} {
		a := health.Account{Session: health.Session{EmergencyKey: is, EmergencyKeyEndsAt: health.At(now.Add(time.Hour)),
			RefreshExpiresAt: health.At(now.Add(time.Hour))}}
		if is == health.KeyInUse {
			a.Level, a.Condition = health.Degraded, health.EmergencyKey.ID
			if acts := (&Server{}).actions(a); acts[0].Label != text("act.sign-in") || !acts[0].Strong || len(acts) < 3 {
				t.Errorf("actions %+v", acts)
			}
		}
		facts := sessionFacts(a, now)
		i := slices.IndexFunc(facts, func(f fact) bool { return f.Label == text("fact.key") })
		if i < 0 || facts[i].Note != text("fact.key."+is) || facts[i].Note == "fact.key."+is {
			t.Errorf("%s: %+v", is, facts)
		}
		if says := slices.ContainsFunc(facts, func(f fact) bool { return f.Value == text("fact.next.idle") }); says == (is == health.KeyInUse) {
			t.Errorf("%s: a renewal is foretold: %v", is, says)
		}
	}
}
