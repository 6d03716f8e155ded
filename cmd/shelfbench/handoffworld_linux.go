package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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

// child is a program that prints lines of JSON.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	done chan struct{}
	mu   sync.Mutex
	all  []said
	more chan struct{} // closed and replaced at each line
	raw  []string      // lines that are no said

	complaint complaint
}

func (w *world) start(ctx context.Context, namespace string, env []string, program string, args ...string) (*child, error) {
	c := &child{cmd: w.rig.command(ctx, namespace, program, args...), done: make(chan struct{}), more: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 5 * time.Second
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.cmd.Stderr = in, &c.complaint
	if os.Getenv("HANDOFF_DEBUG") != "" {
		c.cmd.Stderr = os.Stderr
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.listen(out)
	return c, nil
}

func (c *child) listen(out io.Reader) {
	defer close(c.done)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s said
		err := json.Unmarshal(lines.Bytes(), &s)
		c.mu.Lock()
		if err != nil || s.What == "" {
			c.raw = append(c.raw, lines.Text())
			s = said{At: time.Now().UnixMilli(), What: "raw"}
		}
		c.all = append(c.all, s)
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

// await returns the first line from index from on that is so.
func (c *child) await(ctx context.Context, from int, is func(said) bool) (said, error) {
	for {
		c.mu.Lock()
		all, more := c.all, c.more
		c.mu.Unlock()
		for ; from < len(all); from++ {
			if is(all[from]) {
				return all[from], nil
			}
		}
		select {
		case <-more:
		case <-c.done:
			return said{}, errors.New("it has ended")
		case <-ctx.Done():
			return said{}, ctx.Err()
		}
	}
}

// count is how many lines are so, from one on.
func (c *child) count(from int, what string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.all[min(from, len(c.all)):] {
		if s.What == what {
			n++
		}
	}
	return n
}

func (c *child) length() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// line returns the n-th line that is no said.
func (c *child) line(ctx context.Context, n int) (string, error) {
	for {
		c.mu.Lock()
		raw, more := c.raw, c.more
		c.mu.Unlock()
		if len(raw) > n {
			return raw[n], nil
		}
		select {
		case <-more:
		case <-c.done:
			return "", errors.New("it has ended")
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// tell gives the server a command and returns when it was done, in ms.
func (c *child) tell(ctx context.Context, command string) (int64, error) {
	c.mu.Lock()
	n := len(c.raw)
	c.mu.Unlock()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return 0, fmt.Errorf("tell the server to %s: %w; it said: %s", command, err, &c.complaint)
	}
	text, err := c.line(ctx, n)
	if err != nil {
		return 0, fmt.Errorf("tell the server to %s: %w; it said: %s", command, err, &c.complaint)
	}
	var at int64
	_, err = fmt.Sscan(text, &at)
	return at, err
}

// end ends the child and waits.
func (c *child) end() {
	if c == nil {
		return
	}
	_ = c.in.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-c.done
	_ = c.cmd.Wait() // it was told to end
}

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
	address := net.JoinHostPort(w.rig.server(), "13378")
	if w.server, err = w.start(ctx, w.srv(), selfEnv, own, "handoff-server", address); err != nil {
		return w, err
	}
	line, err := w.server.line(ctx, 0)
	if err == nil {
		err = json.Unmarshal([]byte(line), &w.ready)
	}
	if err != nil {
		return w, fmt.Errorf("start the server: %w", err)
	}
	w.base = "http://" + address
	if s.byName {
		if _, err = w.server.tell(ctx, "names"); err != nil {
			return w, err
		}
		if err = w.resolveBy(w.rig.server()); err != nil {
			return w, err
		}
		w.base = "http://abs.test:13378"
	}
	if err = w.startDaemon(ctx); err != nil {
		return w, err
	}
	script := filepath.Join(dir, "player.js")
	if err = os.WriteFile(script, handoffPlayer, 0o600); err != nil {
		return w, err
	}
	modules := []string{"NODE_PATH=" + filepath.Join(s.modules, "node_modules")}
	local := fmt.Sprintf("http://127.0.0.1:%d", port)
	for name, c := range map[string][]string{
		ours: {"node", script, local}, npm: {"node", script, w.base, w.ready.Token},
		simple: {own, "handoff-gorilla", "ws" + strings.TrimPrefix(w.base, "http") + "/socket.io/?EIO=4&transport=websocket", w.ready.Token},
	} {
		if s.alone && name != ours || s.streamless && name == simple {
			continue
		}
		env := modules
		if c[0] == own {
			env = selfEnv
		}
		if w.clients[name], err = w.start(ctx, w.cli(), env, c[0], c[1:]...); err != nil {
			return w, err
		}
	}
	settle, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for name, c := range w.clients {
		if _, err = c.await(settle, 0, func(s said) bool { return s.What == "tick" }); err != nil {
			return w, fmt.Errorf("%s gets no events: %w", name, err)
		}
	}
	return w, nil
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
	if err := os.WriteFile(filepath.Join(w.dir, "config/shelfkeeper/config.toml"), fmt.Appendf(nil, "listen = %d\n", port), 0o600); err != nil {
		return err
	}
	in := w.rig.command(ctx, w.cli(), w.binary, "login", w.base, "--username", "demo", "--password-stdin", "--store", "file")
	in.Env, in.Stdin = append(os.Environ(), w.env()...), strings.NewReader("demo")
	if out, err := in.CombinedOutput(); err != nil {
		return fmt.Errorf("sign in: %w: %s", err, out)
	}
	if w.daemon, err = w.start(ctx, w.cli(), w.env(), w.binary, "run", "--no-tray"); err != nil {
		return err
	}
	listening := w.rig.command(ctx, w.cli(), w.binary, "status", "--json")
	listening.Env = append(os.Environ(), w.env()...)
	up, cancel := context.WithTimeout(ctx, 2*listenDeadline)
	defer cancel()
	for {
		probe := *listening
		if probe.Run() == nil {
			break
		}
		listening = w.rig.command(ctx, w.cli(), w.binary, "status", "--json")
		listening.Env = append(os.Environ(), w.env()...)
		if err := wait(up, 50*time.Millisecond); err != nil {
			return fmt.Errorf("the daemon does not answer: %w", err)
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
