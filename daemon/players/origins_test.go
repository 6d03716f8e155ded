package players

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestOrigins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants.json")
	g, err := OpenGrants(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Add("home", "obsidian", ScopeFull); err != nil {
		t.Fatal(err)
	}
	if err := g.Trust("home", "nobody", "app://x"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	for range 2 {
		if err := g.Trust("home", "obsidian", "app://obsidian.md"); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if g, err = OpenGrants(path); err != nil { // it outlives a restart
		t.Fatal(err)
	}
	of := func(account string) *Identities { return g.Of(account, nil, nil) }
	if c, ok := of("home").OfOrigin("app://obsidian.md"); !ok || c.Scope != ScopeFull || c.Grant == "" || !of("home").Alive(c) {
		t.Errorf("%+v %v", c, ok)
	}
	if list := g.List("home"); len(list) != 1 || len(list[0].Origins) != 1 {
		t.Errorf("%+v", list)
	}
	if _, ok := of("work").OfOrigin("app://obsidian.md"); ok {
		t.Error("another account's grant")
	}
	if err := g.Revoke("home", "obsidian"); err != nil {
		t.Fatal(err)
	}
	if _, ok := of("home").OfOrigin("app://obsidian.md"); ok {
		t.Error("the origin outlives its grant")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}
