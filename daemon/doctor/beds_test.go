package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/upstream"
)

// authority signs the certificates of the beds.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certificate writes NAME.pem and NAME.key, signed by a, or by itself where a is
// nil, and returns what signs others with it.
func (a *authority) certificate(t *testing.T, dir, name string, template x509.Certificate) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	}
	parent, signer := &template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// nginxBed is one way in which an nginx in front is set up.
type nginxBed struct {
	name, cert, directives string
	scheme, path           string // https and empty if not said
	primary                string
	verdict                Verdict // of the check that note names
	note, evidence         string
}

const passUpgrade = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade;"

var nginxBeds = []nginxBed{
	{name: "healthy", cert: "good", directives: passUpgrade + "client_max_body_size 0;"},
	{name: "no websockets", cert: "good", primary: "websocket", evidence: "long polling works"},
	{name: "renewal's header dropped", cert: "good", directives: passUpgrade + `proxy_set_header X-Refresh-Token "";`,
		primary: "refresh-header", evidence: "does not see"},
	{name: "ranges dropped", cert: "good", directives: passUpgrade + `proxy_set_header Range "";`, primary: "ranges", evidence: "cannot seek"},
	{name: "small uploads", cert: "good", directives: passUpgrade, note: "upload", verdict: Note, evidence: "413"},
	{name: "expired", cert: "expired", primary: "tls", evidence: "expired"},
	{name: "another's name", cert: "elsewhere", primary: "tls", evidence: "other.example.org"},
	{name: "self-signed", cert: "self", primary: "tls", evidence: "not trusted"},
	{name: "client certificate", cert: "good", directives: "ssl_verify_client on; ssl_client_certificate ca.pem;",
		primary: "identity", evidence: "certificate"},
	{name: "http at a port of https", cert: "good", scheme: "http", primary: "identity", evidence: "HTTPS"},
	{name: "wrong sub-folder", cert: "good", path: "/nothing/here", primary: "identity", evidence: "404"},
	{name: "guarded renewal", cert: "good", directives: passUpgrade + "location /auth/refresh { return 403; }", primary: "refresh-header", evidence: "403"},
}

// A real nginx is wrong in one way at a time, and that is the fault to mend.
func TestNginxBeds(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	fake, err := absfake.New(absfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	}()
	server := httptest.NewServer(withPicture(fake.Handler()))
	defer server.Close()
	dir := t.TempDir()
	ca := (*authority)(nil).certificate(t, dir, "ca", x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	ca.certificate(t, dir, "good", x509.Certificate{DNSNames: []string{"localhost"}})
	ca.certificate(t, dir, "expired", x509.Certificate{DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(-24 * time.Hour)})
	ca.certificate(t, dir, "elsewhere", x509.Certificate{DNSNames: []string{"other.example.org"}})
	(*authority)(nil).certificate(t, dir, "self", x509.Certificate{DNSNames: []string{"localhost"}})
	ports := startNginx(t, program, dir, server.URL)
	for i, b := range nginxBeds {
		t.Run(b.name, func(t *testing.T) {
			scheme := b.scheme
			if scheme == "" {
				scheme = "https"
			}
			base, err := url.Parse(fmt.Sprintf("%s://localhost:%d%s", scheme, ports[i], b.path))
			if err != nil {
				t.Fatal(err)
			}
			up, err := upstream.New(upstream.Policy{Base: base, ProxyURL: "direct", CAFile: filepath.Join(dir, "ca.pem")})
			if err != nil {
				t.Fatal(err)
			}
			defer up.Close()
			r, err := Examine(t.Context(), Subject{Up: up, Account: "home"})
			if err != nil {
				t.Fatal(err)
			}
			if r.Primary != b.primary {
				t.Fatalf("primary %q, want %q: %+v", r.Primary, b.primary, r.Findings)
			}
			named := b.primary + b.note
			if named == "" {
				return
			}
			f := finding(t, r, named)
			if b.verdict != "" && f.Verdict != b.verdict || !strings.Contains(f.Evidence, b.evidence) || f.Remedy == "" ||
				strings.Contains(f.Remedy, "NAME") {
				t.Errorf("%+v", f)
			}
		})
	}
}

// startNginx runs one nginx with a port for each bed, in their order.
func startNginx(t *testing.T, program, dir, server string) (ports []int) {
	t.Helper()
	var config strings.Builder
	config.WriteString("daemon off; pid nginx.pid; error_log error.log; worker_processes 1;\nevents {}\nhttp {\naccess_log off;\n" +
		"map $http_upgrade $upgrade { default upgrade; '' close; }\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&config, "%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	for _, b := range nginxBeds {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
		fmt.Fprintf(&config, "server { listen 127.0.0.1:%d ssl; ssl_certificate %[2]s.pem; ssl_certificate_key %[2]s.key; %s\nlocation / { proxy_pass %s; } }\n",
			port, b.cert, b.directives, server)
	}
	config.WriteString("}\n")
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", file)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // it was interrupted
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[len(ports)-1]))
		if err == nil {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			return ports
		}
		select {
		case <-tick.C:
		case <-late:
			said, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Fatalf("nginx does not answer: %v\n%s", err, said)
		}
	}
}
