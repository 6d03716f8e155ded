package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// growthHome is a home of the program with accounts that are signed in.
type growthHome struct {
	program
	secret string // of the first account's first grant
	ports  []int
}

// newGrowthHome signs accounts in as the program does, all of one file vault, and makes
// grants until there are as many.
func newGrowthHome(ctx context.Context, p program, server string, accounts, grants int) (_ growthHome, err error) {
	g := growthHome{program: p}
	configured := filepath.Join(p.dir, "config", "shelfkeeper")
	for _, d := range []string{configured, filepath.Join(p.dir, "state"), filepath.Join(p.dir, "run")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return g, err
		}
	}
	h, err := home.Open(home.Options{
		Version: "measured", Config: config.Default(), Backend: keychain.File, Log: slog.New(slog.DiscardHandler),
		Passphrase: func(context.Context, bool) (redact.Secret, error) { return redact.New(programWords), nil },
		Paths: config.Paths{Config: filepath.Join(configured, "config.toml"), State: filepath.Join(p.dir, "state", "shelfkeeper"),
			Runtime: filepath.Join(p.dir, "run", "shelfkeeper")},
	})
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	for i := range accounts {
		name := fmt.Sprintf("account%d", i)
		answer, err := h.SignIn(ctx, control.SignInRequest{
			Server: server, Username: growthUser(i), Password: redact.New(originPassword), Keep: true, Account: name,
		})
		if err != nil {
			return g, fmt.Errorf("sign in %s: %w", name, err)
		}
		if i == 0 {
			g.secret = answer.Grant
		}
		// Ports that nobody else asks for.
		at := unusedPort()
		if _, err := h.Book.SetPort(ctx, name, at, nil); err != nil {
			return g, err
		}
		g.ports = append(g.ports, at)
	}
	for i := range max(0, grants-accounts) {
		if _, err := h.Grants.Add(fmt.Sprintf("account%d", i%accounts), fmt.Sprintf("player %d", i), players.ScopeListen); err != nil {
			return g, err
		}
	}
	return g, nil
}

// growthUser is a user of the origin.
func growthUser(i int) string {
	if i == 0 {
		return originUser
	}
	return fmt.Sprintf("%s%d", originUser, i)
}

// way leads through the first account, with its grant.
func (g growthHome) way() way {
	addr := fmt.Sprintf("127.0.0.1:%d", g.ports[0])
	return way{addr: addr, dial: dialer(addr), bearer: g.secret}
}

// startUp starts the daemon, and waits until requests of the first account are answered.
func (g growthHome) startUp(ctx context.Context) (*process, error) {
	d, _, err := g.runUntil(ctx, g.ports...)
	if err != nil {
		return nil, err
	}
	if err := g.way().ready(ctx); err != nil {
		return nil, errors.Join(err, d.end())
	}
	return d, nil
}

// grants makes the file hold n grants: copies of the first one, with other secrets. Adding
// them one by one would write the whole file ten thousand times.
func (g growthHome) grants(n int) error {
	path := filepath.Join(g.dir, "state", "shelfkeeper", "grants.json")
	raw, err := durable.Read(path)
	if err != nil {
		return err
	}
	var file struct {
		Version int              `json:"version"`
		Grants  []map[string]any `json:"grants"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return err
	}
	for i := len(file.Grants); i < n; i++ {
		one := make(map[string]any)
		for k, v := range file.Grants[0] {
			one[k] = v
		}
		hash := sha256.Sum256(fmt.Appendf(nil, "the secret of player %d", i))
		one["id"], one["name"], one["sha256"] = "", fmt.Sprintf("player %d", i), hex.EncodeToString(hash[:])
		file.Grants = append(file.Grants, one)
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(file); err != nil {
		return err
	}
	if err := durable.WriteFile(path, out.Bytes(), 0o600); err != nil {
		return err
	}
	read, err := players.OpenGrants(path)
	if err != nil {
		return err
	}
	if have := len(read.List("")); have != n {
		return fmt.Errorf("there are %d grants in the file, not %d", have, n)
	}
	return read.Close()
}
