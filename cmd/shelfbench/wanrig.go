package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// The ways over the line, and what stands at its far end.
var (
	wanWays = []string{"direct", "caddy", "nginx", "shelfkeeper"}
	// wanUpstreams: nginx with HTTP/2, nginx with HTTP/1.1 alone, and the server itself.
	wanUpstreams = []string{"nginx-h2", "nginx-h1", "node"}
)

// wanRig is a server, what stands before it, and one line for each way to it.
type wanRig struct {
	origin *wanOrigin
	field  *field
	ways   map[[2]string]*wanWay
}

// wanWay is one client with a line of its own.
type wanWay struct {
	via, upstream string
	line          *wanLine
	player        *wanPlayer
}

// wanSetup says what a rig is made of.
type wanSetup struct {
	dir, binary string
	stalls      float64
	ttl         time.Duration // of access tokens; 0: the server's own
	ways        []string
	upstreams   []string
}

func startWan(ctx context.Context, s wanSetup) (_ *wanRig, err error) {
	r := &wanRig{field: newField(), ways: make(map[[2]string]*wanWay)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	if r.origin, err = startWanOrigin(s.ttl); err != nil {
		return nil, err
	}
	ca, key := filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, "gateway.key")
	config, err := selfSigned(ca)
	if err != nil {
		return nil, err
	}
	if err := writeKey(key, config); err != nil {
		return nil, err
	}
	gateways := map[string]string{"node": r.origin.addr}
	for _, up := range s.upstreams {
		if up == "node" {
			continue
		}
		if gateways[up], err = r.gateway(ctx, s.dir, ca, key, up); err != nil {
			return nil, err
		}
	}
	for _, up := range s.upstreams {
		for _, via := range s.ways {
			w := &wanWay{via: via, upstream: up}
			if w.line, err = openLine(gateways[up], s.stalls); err != nil {
				return nil, err
			}
			r.ways[[2]string{via, up}] = w
			if err := r.client(ctx, s, w, ca); err != nil {
				return nil, fmt.Errorf("start %s to %s: %w", via, up, err)
			}
		}
	}
	return r, nil
}

// gateway is nginx as the server's own documentation has it, with its usual keep-alive
// of 75 s, and gzip for JSON.
func (r *wanRig) gateway(ctx context.Context, dir, ca, key, up string) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	home := filepath.Join(dir, "gateway-"+up)
	h2 := ""
	if up == "nginx-h2" {
		h2 = " http2"
	}
	config := nginxHead(home) + fmt.Sprintf(`
  keepalive_timeout 75s;
  gzip on; gzip_types application/json; gzip_proxied any;
  upstream origin { server %s; keepalive 64; keepalive_timeout 4s; }
  server {
    listen %s ssl%s;
    ssl_certificate %s; ssl_certificate_key %s;
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_buffering on; proxy_max_temp_file_size 0;
    }
  }
}
`, r.origin.addr, addr, h2, ca, key)
	return addr, r.nginx(ctx, home, config, addr)
}

// writeKey writes the private key of a certificate where nginx reads it.
func writeKey(path string, config *tls.Config) error {
	der, err := x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func nginxHead(home string) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	return fmt.Sprintf(`%s
worker_processes 1;
daemon off;
pid %[2]s/pid;
error_log %[2]s/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  tcp_nodelay on;`, user, home)
}

func (r *wanRig) nginx(ctx context.Context, home, config, addr string) error {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	path := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nginx", "-e", filepath.Join(home, "error.log"), "-p", home, "-c", path)
	if err := r.field.start(cmd); err != nil {
		return err
	}
	return reachable(ctx, addr)
}

// client starts what stands between the player and the line, and the player.
func (r *wanRig) client(ctx context.Context, s wanSetup, w *wanWay, ca string) error {
	scheme := "https"
	if w.upstream == "node" {
		scheme = "http"
	}
	base := &url.URL{Scheme: scheme, Host: w.line.addr()}
	access, refresh, err := r.origin.signIn()
	if err != nil {
		return err
	}
	w.player = &wanPlayer{base: base, file: r.origin.file, access: access, refresh: refresh}
	if w.via == "direct" {
		if scheme == "https" {
			if w.player.trusted, err = trusted(ca); err != nil {
				return err
			}
		}
		w.player.http2 = w.upstream == "nginx-h2"
		w.player.renew()
		return nil
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	home := filepath.Join(s.dir, w.via+"-"+w.upstream)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	b := between{dir: s.dir, binary: s.binary, ca: ca, via: w.via, up: scheme, to: base.String()}
	switch w.via {
	case "caddy":
		cmd, err := b.caddy(ctx, home, addr)
		if err == nil {
			err = r.field.start(cmd)
		}
		if err != nil {
			return err
		}
	case "nginx":
		// keepalive_timeout is nginx's default.
		config := nginxHead(home) + fmt.Sprintf(`
  upstream far { server %s; keepalive 64; }
  server {
    listen %s;
    location / {
      proxy_pass %s://far; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
      proxy_ssl_trusted_certificate %s; proxy_ssl_name localhost; proxy_ssl_verify on;
    }
  }
}
`, base.Host, addr, scheme, ca)
		if err := r.nginx(ctx, home, config, addr); err != nil {
			return err
		}
	case "shelfkeeper":
		cmd, err := b.shelfkeeper(ctx, home, port)
		if err == nil {
			err = r.field.start(cmd)
		}
		if err != nil {
			return err
		}
		w.player.access, w.player.refresh = "", ""
	}
	w.player.base = &url.URL{Scheme: "http", Host: addr}
	w.player.renew()
	return reachable(ctx, addr)
}

// reachable waits until something listens.
func reachable(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, loadDeadline)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		if wait(ctx, 20*time.Millisecond) != nil {
			return err
		}
	}
}

// each returns the ways in a fixed order.
func (r *wanRig) each() (out []*wanWay) {
	for _, up := range wanUpstreams {
		for _, via := range wanWays {
			if w := r.ways[[2]string{via, up}]; w != nil {
				out = append(out, w)
			}
		}
	}
	return slices.Clip(out)
}

func (r *wanRig) close() error {
	var errs []error
	for _, w := range r.ways {
		if w.player != nil {
			w.player.leave()
		}
	}
	errs = append(errs, r.field.end())
	for _, w := range r.ways {
		if w.line != nil {
			errs = append(errs, w.line.close())
		}
	}
	if r.origin != nil {
		errs = append(errs, r.origin.close())
	}
	return errors.Join(errs...)
}
