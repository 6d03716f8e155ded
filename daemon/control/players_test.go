package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/problem"
)

func TestPlayersCrossTheSocket(t *testing.T) {
	d := newDouble()
	_, path, log := serve(t, d)
	ctx, c := context.Background(), Dial(path)
	list, err := c.Players(ctx, "home")
	if err != nil || len(list) != 1 || list[0].Name != "mpv" || list[0].Created.Unix() != 1 || !list[0].LastUsed.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
	added, err := c.AddPlayer(ctx, "home", "Music Assistant", "full")
	if err != nil || added.Secret.Reveal() != "sk_secret" || added.Account != "home" || added.ProxyURL != "http://127.0.0.1:1" {
		t.Errorf("%+v, %v", added, err)
	}
	if err := c.TrustPlayer(ctx, "home", "mpv", "app://x"); err != nil {
		t.Error(err)
	}
	if err := c.RevokePlayer(ctx, "home", "mpv"); err != nil {
		t.Error(err)
	}
	url, err := c.OpenPage(ctx, "home", "admin")
	if err != nil || url != "http://127.0.0.1:1/open" {
		t.Errorf("%q, %v", url, err)
	}
	var p *problem.Problem
	if err := c.RevokePlayer(ctx, "home", "refused"); !errors.As(err, &p) || p.Code != problem.Usage || p.Remedy != "another" {
		t.Errorf("%v", err)
	}
	want := []string{"list home", "add home Music Assistant full", "trust home mpv app://x", "revoke home mpv",
		"open home admin", "revoke home refused"}
	if !slices.Equal(d.players, want) {
		t.Errorf("asked %q", d.players)
	}
	if strings.Contains(log.String(), "sk_secret") {
		t.Error("the secret is in the log")
	}
}
