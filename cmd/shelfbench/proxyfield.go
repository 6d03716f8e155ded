package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// field is everything that is measured, running side by side.
type field struct {
	at   map[[2]string]way   // via, upstream
	pids map[[2]string][]int // of the processes between
	own  []*exec.Cmd
}

func newField() *field { return &field{at: make(map[[2]string]way), pids: make(map[[2]string][]int)} }

// startField starts the origin and what stands before it.
func startField(ctx context.Context, dir string) (_ *field, err error) {
	f := newField()
	defer func() {
		if err != nil {
			err = errors.Join(err, f.end())
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ready, ca, err := f.startOrigin(ctx, dir)
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(dir, "shelfkeeper")
	if err := buildProgram(ctx, binary); err != nil {
		return nil, err
	}
	for i, up := range upstreams {
		to := []string{ready.HTTP, ready.HTTPS}[i]
		if f.at[[2]string{"direct", up}], err = directWay(to, ca); err != nil {
			return nil, err
		}
		for _, via := range ways[1:] {
			if err := f.startBetween(ctx, between{dir: dir, self: self, binary: binary, ca: ca, via: via, up: up, to: to}); err != nil {
				return nil, fmt.Errorf("start %s: %w", via, err)
			}
		}
	}
	return f, nil
}

// prepared is an origin that runs, and a folder for what is started before it.
type prepared struct {
	*field
	dir    string
	origin originReady
	ca     string // the file of the origin's authority
}

// beforeOrigin starts an origin for act. It ends it afterwards, with all that act has
// started, and removes the folder.
func beforeOrigin(ctx context.Context, act func(prepared) error) (err error) {
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f := newField()
	defer func() { err = errors.Join(err, f.end()) }()
	ready, ca, err := f.startOrigin(ctx, dir)
	if err != nil {
		return err
	}
	return act(prepared{f, dir, ready, ca})
}

// startOrigin starts what all ways lead to, and returns its addresses and the file of its authority.
func (f *field) startOrigin(ctx context.Context, dir string) (ready originReady, ca string, err error) {
	self, err := os.Executable()
	if err != nil {
		return ready, "", err
	}
	ca = filepath.Join(dir, "ca.pem")
	origin := exec.CommandContext(ctx, self, "proxy-origin", ca)
	out, err := origin.StdoutPipe()
	if err != nil {
		return ready, "", err
	}
	if err := f.start(origin); err != nil {
		return ready, "", err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		return ready, "", fmt.Errorf("start the origin: %w", err)
	}
	return ready, ca, nil
}

// directWay leads straight to the origin.
func directWay(to, ca string) (way, error) {
	scheme, addr, _ := strings.Cut(to, "://")
	w := way{addr: addr, dial: dialer(addr)}
	if scheme == "https" {
		pool, err := trusted(ca)
		if err != nil {
			return w, err
		}
		d := &tls.Dialer{Config: &tls.Config{RootCAs: pool}}
		w.dial = func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
	}
	return w, nil
}

func dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", addr) }
}

// between is one program between client and origin.
type between struct {
	dir, self, binary, ca, via, up, to string

	profile string // the folder for profiles, where the binary writes them
}

func (f *field) startBetween(ctx context.Context, b between) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	addr := "127.0.0.1:" + strconv.Itoa(port)
	home := filepath.Join(b.dir, b.via+"-"+b.up)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	var cmd *exec.Cmd
	switch b.via {
	case "nginx":
		cmd, err = b.nginx(ctx, home, addr)
	case "caddy":
		cmd, err = b.caddy(ctx, home, addr)
	case "reverseproxy":
		cmd = exec.CommandContext(ctx, b.self, "proxy-plain", addr, b.to, b.ca)
	case "shelfkeeper":
		cmd, err = b.shelfkeeper(ctx, home, port)
	}
	if err != nil {
		return err
	}
	if err := f.start(cmd); err != nil {
		return err
	}
	w := way{addr: addr, dial: dialer(addr)}
	if err := w.ready(ctx); err != nil {
		return err
	}
	key := [2]string{b.via, b.up}
	f.at[key] = w
	f.pids[key], err = family(cmd.Process.Pid)
	return err
}

// nginx as its own documentation sets up a proxy with kept connections, and
// without spooling streams to the disk.
func (b between) nginx(ctx context.Context, home, addr string) (*exec.Cmd, error) {
	_, host, _ := strings.Cut(b.to, "://")
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	config := fmt.Sprintf(`%s
worker_processes auto;
daemon off;
pid %[2]s/pid;
error_log %[2]s/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  tcp_nodelay on;
  keepalive_requests 1000000;
  upstream origin { server %[3]s; keepalive 64; keepalive_requests 1000000; keepalive_timeout 4s; }
  server {
    listen %[4]s;
    location / {
      proxy_pass %[5]s://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_max_temp_file_size 0;
      proxy_ssl_trusted_certificate %[6]s;
      proxy_ssl_name localhost;
      proxy_ssl_verify on;
    }
  }
}
`, user, home, host, addr, b.up, b.ca)
	path := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, "nginx", "-e", filepath.Join(home, "error.log"), "-p", home, "-c", path), nil
}

func (b between) caddy(ctx context.Context, home, addr string) (*exec.Cmd, error) {
	transport := ""
	if b.up == "https" {
		transport = "transport http {\n\t\t\ttls_trusted_ca_certs " + b.ca + "\n\t\t}"
	}
	config := fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n"+
		"http://%s {\n\treverse_proxy %s {\n\t\t%s\n\t}\n}\n", addr, b.to, transport)
	path := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "caddy", "run", "--config", path, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	cmd.Stderr = io.Discard // it tells of every start there
	return cmd, nil
}

func (b between) shelfkeeper(ctx context.Context, home string, port int) (*exec.Cmd, error) {
	p := program{binary: b.binary, dir: home, listen: port, config: fmt.Sprintf("[upstream]\nca_file = %q\n", b.ca)}
	server := &process{}
	server.ready.Server, server.ready.Username, server.ready.Password = b.to, originUser, originPassword
	if err := p.signIn(ctx, server); err != nil {
		return nil, err
	}
	cmd := p.command(ctx, "run", "--no-tray", "--no-page")
	cmd.Stderr = io.Discard
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o700); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "SHELFKEEPER_PROFILE="+b.profile)
	}
	return cmd, nil
}

// ready waits until a request is answered.
func (w way) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadDeadline)
	defer cancel()
	for {
		_, err := w.latencies(ctx, 1)
		if err == nil {
			return nil
		}
		if wait(ctx, 10*time.Millisecond) != nil {
			return err
		}
	}
}

func (f *field) start(cmd *exec.Cmd) error {
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return err
	}
	f.own = append(f.own, cmd)
	return nil
}

// end ends everything, the origin last.
func (f *field) end() error {
	var errs []error
	for _, cmd := range slices.Backward(f.own) {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		err := cmd.Wait()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			errs = append(errs, err)
		}
	}
	f.own = nil
	return errors.Join(errs...)
}

// family returns a process and its children, as nginx has them.
func family(pid int) ([]int, error) {
	all := []int{pid}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	for _, word := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		all = append(all, child)
	}
	return all, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
