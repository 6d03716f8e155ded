package players

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

// crowd is a store with n grants of the account, each with a secret and an origin of its
// own. It is filled without a write for each.
func crowd(t *testing.T, n int) (g *Grants, secrets []string) {
	t.Helper()
	g = open(t, filepath.Join(t.TempDir(), "grants.json"))
	err := g.change(func(list map[string]*entry) error {
		for i := range n {
			secret := fmt.Sprintf("%s%d", secretPrefix, i)
			e := g.newEntry("home", fmt.Sprintf("player %d", i), KindSecret, ScopeListen)
			e.hash = sha256.Sum256([]byte(secret))
			e.ID = idOf(e.hash)
			e.Origins = []string{fmt.Sprintf("app://player%d", i)}
			list[e.ID] = e
			secrets = append(secrets, secret)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, secrets
}

// A request costs the same with ten grants and with ten thousand. Looking at each of them
// would take a thousand times as long; ten times is room for a busy machine.
func TestFindingACallerCostsTheSameForAnyNumberOfGrants(t *testing.T) {
	asks := map[string]func(i *Identities, secret string) bool{
		"by its secret": func(i *Identities, secret string) bool {
			c, err := i.Caller(t.Context(), secret)
			return err == nil && c.Scope == ScopeListen
		},
		"by a secret of nobody": func(i *Identities, secret string) bool {
			_, err := i.Caller(t.Context(), secret+"x")
			return err != nil
		},
		"by its origin": func(i *Identities, secret string) bool {
			c, ok := i.OfOrigin("app://player" + secret[len(secretPrefix):])
			return ok && c.Scope == ScopeListen
		},
		"by an origin of nobody": func(i *Identities, secret string) bool {
			_, ok := i.OfOrigin("app://" + secret)
			return !ok
		},
	}
	took := map[int]map[string]time.Duration{}
	for _, n := range []int{10, 10_000} {
		g, secrets := crowd(t, n)
		i := g.Of("home", nil, nil)
		took[n] = map[string]time.Duration{}
		for name, ask := range asks {
			var rounds []time.Duration
			for range 7 {
				began := time.Now()
				for k := range 300 {
					if !ask(i, secrets[k*31%n]) {
						t.Fatalf("%d grants: a caller known %s is not told right", n, name)
					}
				}
				rounds = append(rounds, time.Since(began))
			}
			took[n][name] = slices.Min(rounds)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name := range asks {
		few, many := took[10][name], took[10_000][name]
		t.Logf("%s: %v with 10 grants, %v with 10,000", name, few/300, many/300)
		if many > 10*few {
			t.Errorf("a caller is found %s in %v with 10 grants, in %v with 10,000", name, few/300, many/300)
		}
	}
}

// What finds a grant by its origin follows each change of the grants.
func TestOriginsFollowTheGrants(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants.json")
	g := open(t, path)
	const origin = "app://player"
	named := func(g *Grants, account string) string {
		c, ok := g.Of(account, nil, nil).OfOrigin(origin)
		if !ok {
			return ""
		}
		for _, grant := range g.List(account) {
			if grant.ID == c.Grant {
				return grant.Name
			}
		}
		return "a grant that is gone"
	}
	add := func(account, name string) redact.Secret {
		secret, err := g.Add(account, name, ScopeListen)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	add("home", "one")
	add("home", "two")
	add("other", "third")
	for _, name := range []string{"one", "two"} {
		if err := g.Trust("home", name, origin); err != nil {
			t.Fatal(err)
		}
	}
	first := named(g, "home")
	if first != "one" && first != "two" || named(g, "other") != "" {
		t.Fatalf("the origin means %q, and %q of the other account", first, named(g, "other"))
	}
	if again := named(open(t, path), "home"); again != first {
		t.Errorf("read again the origin means %q, before %q", again, first)
	}
	if err := g.Revoke("home", first); err != nil {
		t.Fatal(err)
	}
	if next := named(g, "home"); next == first || next != "one" && next != "two" {
		t.Errorf("after %q is revoked the origin means %q", first, next)
	}
	if err := g.Forget("home"); err != nil {
		t.Fatal(err)
	}
	if left := named(g, "home"); left != "" {
		t.Errorf("after the account is forgotten the origin means %q", left)
	}
}
