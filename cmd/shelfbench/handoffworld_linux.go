package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// world is one rig with everything that runs in it: the server, the daemon with
// a player, and the clients that it is compared with.
type world struct {
	setting
	*rig
	program
	base   string // of the server
	ready  serverReady
	server *child
	daemon *child
	status *child
	// clients by name: "shelfkeeper" is the player behind the daemon.
	clients map[string]*child
}

// Names of the clients, as rows have them.
const (
	ours   = "shelfkeeper"
	npm    = "socket.io-client"
	simple = "gorilla"
)

// setting says what a world is made of.
type setting struct {
	name    string // of the namespaces, short
	program string // the binary of shelfkeeper
	modules string // the folder that holds node_modules with socket.io-client
	v6      bool
	byName  bool // the server is reached by a name
	// Tests leave out what takes long and proves nothing of the program: the
	// clients that it is compared with, and the stream past it.
	alone, streamless bool
}

// startWorld starts everything and waits until all clients get events.
func startWorld(ctx context.Context, s setting) (w *world, err error) {
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return nil, err
	}
	w = &world{setting: s, program: program{binary: s.program, dir: dir}, clients: map[string]*child{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.rig, err = newRig(ctx, s.name, s.v6); err != nil {
		return w, err
	}
	own, err := os.Executable()
	if err != nil {
		return w, err
	}
	if err = w.startServer(ctx, own); err != nil {
		return w, err
	}
	if err = w.startDaemon(ctx); err != nil {
		return w, err
	}
	if err = w.startClients(ctx, own); err != nil {
		return w, err
	}
	ready, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for name, c := range w.clients {
		if _, err = c.await(ready, 0, func(s said) bool { return s.What == "tick" }); err != nil {
			return w, fmt.Errorf("%s gets no events: %w", name, err)
		}
	}
	return w, nil
}

// startServer starts the server in its namespace and waits until it listens.
func (w *world) startServer(ctx context.Context, own string) (err error) {
	address := net.JoinHostPort(w.rig.server(), "13378")
	if w.server, err = w.start(ctx, w.srv(), selfEnv, own, "handoff-server", address); err != nil {
		return err
	}
	line, err := w.server.line(ctx, 0)
	if err == nil {
		err = json.Unmarshal([]byte(line), &w.ready)
	}
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	w.base = "http://" + address
	if !w.byName {
		return nil
	}
	if _, err = w.server.tell(ctx, "names"); err != nil {
		return err
	}
	w.base = "http://abs.test:13378"
	return w.resolveBy(w.rig.server())
}

// startClients starts the player behind the daemon and the clients that it is
// compared with.
func (w *world) startClients(ctx context.Context, own string) (err error) {
	script := filepath.Join(w.dir, "player.js")
	if err = os.WriteFile(script, handoffPlayer, 0o600); err != nil {
		return err
	}
	modules := []string{"NODE_PATH=" + filepath.Join(w.modules, "node_modules")}
	local := fmt.Sprintf("http://127.0.0.1:%d", port)
	socket := "ws" + strings.TrimPrefix(w.base, "http") + "/socket.io/?EIO=4&transport=websocket"
	for name, c := range map[string][]string{
		ours:   {"node", script, local},
		npm:    {"node", script, w.base, w.ready.Token},
		simple: {own, "handoff-gorilla", socket, w.ready.Token},
	} {
		if w.alone && name != ours || w.streamless && name == simple {
			continue
		}
		env := modules
		if c[0] == own {
			env = selfEnv
		}
		if w.clients[name], err = w.start(ctx, w.cli(), env, c[0], c[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) env() []string {
	return []string{"HOME=" + w.dir, "XDG_CONFIG_HOME=" + filepath.Join(w.dir, "config"), "XDG_STATE_HOME=" + filepath.Join(w.dir, "state"),
		"XDG_RUNTIME_DIR=" + filepath.Join(w.dir, "run"), "SHELFKEEPER_PASSPHRASE=measured", "GOFLAGS="}
}

// startDaemon signs in and starts the daemon.
func (w *world) startDaemon(ctx context.Context) (err error) {
	for _, d := range []string{"config/shelfkeeper", "run", "state"} {
		if err := os.MkdirAll(filepath.Join(w.dir, d), 0o700); err != nil {
			return err
		}
	}
	config := filepath.Join(w.dir, "config/shelfkeeper/config.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "listen = %d\n", port), 0o600); err != nil {
		return err
	}
	in := w.rig.command(ctx, w.cli(), w.binary, "login", w.base, "--username", "demo", "--password-stdin", "--store", "file")
	in.Env, in.Stdin = append(os.Environ(), w.env()...), strings.NewReader("demo")
	if out, err := in.CombinedOutput(); err != nil {
		return fmt.Errorf("sign in: %w: %s", err, out)
	}
	if w.daemon, err = w.start(ctx, w.cli(), w.env(), w.binary, "run", "--no-tray", "--no-page"); err != nil {
		return err
	}
	listening := w.rig.command(ctx, w.cli(), w.binary, "status", "--json")
	listening.Env = append(os.Environ(), w.env()...)
	up, cancel := context.WithTimeout(ctx, 2*listenDeadline)
	defer cancel()
	for {
		said, failed := listening.CombinedOutput()
		if failed == nil || isOffline(failed) { // its vault may still be opened
			break
		}
		listening = w.rig.command(ctx, w.cli(), w.binary, "status", "--json")
		listening.Env = append(os.Environ(), w.env()...)
		if err := wait(up, 50*time.Millisecond); err != nil {
			return fmt.Errorf("the daemon does not answer: %w: %w: %s", err, failed, said)
		}
	}
	w.status, err = w.start(ctx, w.cli(), w.env(), w.binary, "status", "--json", "--watch")
	return err
}

// stream starts to read the large file, through the daemon or past it.
func (w *world) stream(ctx context.Context, local bool) (*child, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	base, token := w.base, w.ready.Token
	if local {
		base, token = fmt.Sprintf("http://127.0.0.1:%d", port), ""
	}
	return w.start(ctx, w.cli(), selfEnv, own, "handoff-stream", base+w.ready.File, token)
}

// close ends everything that was started and removes it.
func (w *world) close() error {
	for _, c := range w.clients {
		c.end()
	}
	w.status.end()
	w.daemon.end()
	w.server.end()
	var err error
	if w.rig != nil {
		err = w.rig.close()
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}
