package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// fill puts the place into a configuration.
func fill(text string, g gatewayPlace) string {
	hash, err := bcrypt.GenerateFromPassword([]byte("p w:1"), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	owner := "#"
	if os.Geteuid() == 0 {
		owner = ""
	}
	return strings.NewReplacer("DIR", g.dir, "ABS", g.abs, "AUTH", g.auth,
		"MTLS", fmt.Sprint(g.mtls), "BASIC", fmt.Sprint(g.basic),
		"HEADER", fmt.Sprint(g.header), "ASKING", fmt.Sprint(g.asking), "OPEN", fmt.Sprint(g.open),
		"HASH", base64.StdEncoding.EncodeToString(hash), "ROOT", owner).Replace(text)
}

func nginxConfig(g gatewayPlace) string {
	server := func(port, more string) string {
		return `
	server {
		listen 127.0.0.1:` + port + ` ssl http2;
		ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/key.pem;
		` + more + `
		location /books {
			proxy_pass http://ABS;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_redirect http://$host https://$host;
		}
	}`
	}
	return fill(`daemon off; master_process off; pid DIR/pid;
ROOT user root;
events {}
http {
	access_log DIR/access.log;
	client_body_temp_path DIR/t1; proxy_temp_path DIR/t2; fastcgi_temp_path DIR/t3; uwsgi_temp_path DIR/t4; scgi_temp_path DIR/t5;
	map $http_upgrade $connection_upgrade { default upgrade; '' close; }`+
		server("MTLS", "ssl_client_certificate DIR/ca.pem; ssl_verify_client on;")+
		server("BASIC", `auth_basic "gate"; auth_basic_user_file DIR/htpasswd;`)+
		server("HEADER", `if ($http_x_gate != "hush") { return 403; }`)+
		server("OPEN", "")+
		server("ASKING", `auth_request /authelia;
		location = /authelia {
			internal;
			proxy_pass http://AUTH/api/authz/auth-request;
			proxy_pass_request_body off; proxy_set_header Content-Length "";
			proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
		}
		auth_request_set $redirection_url $upstream_http_location;
		error_page 401 =302 $redirection_url;`)+`
}
`, g)
}

func caddyConfig(g gatewayPlace) string {
	return fill(`{
	admin off
	auto_https off
	storage file_system DIR/caddy
	default_bind 127.0.0.1
}
https://localhost:MTLS {
	tls DIR/cert.pem DIR/key.pem {
		client_auth {
			mode require_and_verify
			trusted_ca_cert_file DIR/ca.pem
		}
	}
	reverse_proxy ABS
}
https://localhost:BASIC {
	tls DIR/cert.pem DIR/key.pem
	basicauth {
		ann HASH
	}
	reverse_proxy ABS
}
https://localhost:HEADER {
	tls DIR/cert.pem DIR/key.pem
	@closed not header X-Gate hush
	respond @closed 403
	reverse_proxy ABS
}
`, g)
}

func haproxyConfig(g gatewayPlace) string {
	return fill(`global
	maxconn 200
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout tunnel 1h
userlist people
	user ann insecure-password "p w:1"
frontend mtls
	bind 127.0.0.1:MTLS ssl crt DIR/both.pem alpn h2,http/1.1 ca-file DIR/ca.pem verify required
	default_backend abs
frontend basic
	bind 127.0.0.1:BASIC ssl crt DIR/both.pem alpn h2,http/1.1
	http-request auth realm gate unless { http_auth(people) }
	default_backend abs
frontend header
	bind 127.0.0.1:HEADER ssl crt DIR/both.pem alpn h2,http/1.1
	http-request deny deny_status 403 unless { req.hdr(X-Gate) hush }
	default_backend abs
backend abs
	option forwardfor
	server abs ABS
`, g)
}

func apacheConfig(g gatewayPlace) string {
	site := func(port, ssl, location string) string {
		return `
Listen 127.0.0.1:` + port + `
<VirtualHost 127.0.0.1:` + port + `>
	ServerName localhost
	Protocols h2 http/1.1
	SSLEngine on
	SSLCertificateFile DIR/cert.pem
	SSLCertificateKeyFile DIR/key.pem
	` + ssl + `
	RewriteEngine on
	RewriteCond %{HTTP:Upgrade} =websocket [NC]
	RewriteRule ^/(.*) ws://ABS/$1 [P,L]
	ProxyPass / http://ABS/
	ProxyPassReverse / http://ABS/
	<Location />
		` + location + `
	</Location>
</VirtualHost>`
	}
	modules := ""
	for _, name := range strings.Fields("mpm_event authn_core authn_file authz_core authz_user auth_basic proxy proxy_http proxy_wstunnel " +
		"ssl http2 rewrite setenvif headers") {
		modules += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name)
	}
	return fill(modules+`
ServerName localhost
PidFile DIR/pid
DefaultRuntimeDir DIR
ErrorLog DIR/error.log
ROOT User www-data
ROOT Group www-data
ProxyPreserveHost on`+
		site("MTLS", "SSLCACertificateFile DIR/ca.pem\n	SSLVerifyClient require", "Require all granted")+
		site("BASIC", "", "AuthType Basic\n		AuthName gate\n		AuthUserFile DIR/htpasswd\n		Require valid-user")+
		site("HEADER", "", `Require expr "%{HTTP:X-Gate} == 'hush'"`)+"\n", g)
}

// gatewayAuthority is an authority for one test, with its files in a directory.
type gatewayAuthority struct {
	cert        *x509.Certificate
	key         *ecdsa.PrivateKey
	serverPrint string
}

func newGatewayAuthority(t *testing.T, dir string) *gatewayAuthority {
	t.Helper()
	a := &gatewayAuthority{}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Home CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	a.cert, a.key = a.issue(t, ca)
	server, key := a.issue(t, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	a.serverPrint = upstream.Fingerprint(server)
	cert, private := pemOf("CERTIFICATE", server.Raw), keyPEM(t, key)
	for name, text := range map[string]string{"ca.pem": a.pem(), "cert.pem": cert, "key.pem": private, "both.pem": cert + private} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// issue signs by the authority; its own certificate signs itself.
func (a *gatewayAuthority) issue(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *gatewayAuthority) pem() string { return pemOf("CERTIFICATE", a.cert.Raw) }

func (a *gatewayAuthority) clientCert(t *testing.T) *upstream.ClientCert {
	cert, key := a.issue(t, &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "our machine"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return &upstream.ClientCert{Chain: pemOf("CERTIFICATE", cert.Raw), Key: redact.New(keyPEM(t, key))}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func keyPEM(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PRIVATE KEY", der)
}
