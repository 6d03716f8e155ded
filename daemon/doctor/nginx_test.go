package doctor

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The parts of a site that is right, after the instruction that Audiobookshelf gives.
const (
	nginxUpgrade = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade;\n"
	nginxFor     = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
	nginxProto   = "proxy_set_header X-Forwarded-Proto $scheme;\n"
	nginxHost    = "proxy_set_header Host $http_host;\n"
	nginxBodies  = "client_max_body_size 0; proxy_request_buffering off;\n"
	nginxRest    = nginxProto + nginxHost + nginxBodies
	nginxRight   = nginxUpgrade + nginxFor + nginxRest
)

var nginxBeds = []gatewayBed{
	{name: "healthy", directives: nginxRight, others: 3},
	{name: "no upgrade header", directives: nginxFor + nginxRest, primary: "websocket"},
	{name: "read timeout 5 s", directives: nginxRight + "proxy_read_timeout 5s;", primary: "idle-socket"},
	{name: "buffering", directives: nginxUpgrade + nginxFor + nginxProto + nginxHost + "client_max_body_size 0;",
		primary: "buffering", verdict: Note},
	{name: "forwarded proto missing", directives: nginxUpgrade + nginxFor + nginxHost + nginxBodies, primary: "forwarded-proto"},
	{name: "forwarded for missing", directives: nginxUpgrade + nginxRest, primary: "limiter-shared"},
	{name: "forwarded for dropped", directives: nginxUpgrade + nginxRest + `proxy_set_header X-Forwarded-For "";`, others: 6,
		primary: "limiter-shared"},
	{name: "header dropped", directives: nginxRight + `proxy_set_header X-Refresh-Token "";`, primary: "refresh-header"},
	{name: "http only", plain: true, directives: nginxRight, primary: "tls"},
	{name: "http on the internet", plain: true, scheme: "http", public: true, directives: nginxRight, primary: "encryption"},
	{name: "http at a port of https", scheme: "http", directives: nginxRight, primary: "tls"},
	{name: "http that leads to https", plain: true, scheme: "http", directives: "return 301 https://$host$request_uri;", primary: "redirect"},
	{name: "expired", cert: "expired", directives: nginxRight, primary: "tls"},
	{name: "self-signed", cert: "self", directives: nginxRight, primary: "tls"},
	{name: "wrong name", cert: "elsewhere", directives: nginxRight, primary: "tls"},
	{name: "chain not whole", cert: "chainless", directives: nginxRight, primary: "tls"},
	{name: "client certificate", directives: nginxRight + "ssl_verify_client on; ssl_client_certificate ca.pem;", primary: "tls"},
	{name: "sub-folder cut off", path: "/books", location: "/books/", passTo: "/", directives: nginxRight, primary: "web-page"},
	{name: "sub-folder missing", location: "/audiobookshelf/", directives: nginxRight, primary: "base-path"},
	{name: "413", directives: nginxUpgrade + nginxFor + nginxProto + nginxHost + "proxy_request_buffering off;", primary: "upload"},
	{name: "h2 only", directives: nginxRight + `if ($server_protocol != "HTTP/2.0") { return 505; }`, primary: "websocket"},
	{name: "range dropped", directives: nginxRight + `proxy_set_header Range "";`, primary: "ranges"},
	{name: "guarded renewal", directives: nginxRight + "location /auth/refresh { return 403; }", primary: "refresh-header"},
	{name: "login page before the API", directives: nginxRight +
		"location /api/ { return 302 https://auth.example.org/?rd=$request_uri; }", primary: "api"},
}

// A real nginx is wrong in one way at a time, and that is what is to be mended first.
func TestNginxBeds(t *testing.T) {
	testBeds(t, "nginx", nginxBeds, nginxSite, func(sites []string) string {
		var config strings.Builder
		config.WriteString("daemon off; pid nginx.pid; error_log error.log; worker_processes 1;\nevents {}\nhttp {\naccess_log off;\n" +
			"map $http_upgrade $upgrade { default upgrade; '' close; }\n")
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			fmt.Fprintf(&config, "%s_temp_path %s;\n", kind, kind)
		}
		return config.String() + strings.Join(sites, "") + "}\n"
	}, func(dir string) []string {
		return []string{"-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", filepath.Join(dir, "config")}
	})
}

func nginxSite(b gatewayBed, _ string, port int, server string) string {
	tls, listen := "", ""
	if !b.plain {
		cert := b.cert
		if cert == "" {
			cert = "good"
		}
		tls, listen = fmt.Sprintf("ssl_certificate %[1]s.pem; ssl_certificate_key %[1]s.key;\n", cert), " ssl http2"
	}
	location := b.location
	if location == "" {
		location = "/"
	}
	return fmt.Sprintf("server { listen 127.0.0.1:%d%s; %s%s\nlocation %s { proxy_pass http://%s%s; } }\n",
		port, listen, tls, b.directives, location, server, b.passTo)
}
