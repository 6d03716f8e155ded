package doctor

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The directives of these beds stand within reverse_proxy, since Caddy needs no others:
// it is right unless told otherwise.
var caddyBeds = []gatewayBed{
	{name: "healthy", others: 3},
	{name: "no upgrade header", directives: "header_up -Upgrade\nheader_up -Connection", primary: "websocket"},
	{name: "buffering", directives: "buffer_requests", primary: "buffering", verdict: Note},
	{name: "forwarded proto missing", directives: "header_up -X-Forwarded-Proto", primary: "forwarded-proto"},
	{name: "forwarded for missing", directives: "header_up -X-Forwarded-For", others: 6, primary: "limiter-shared"},
	{name: "header dropped", directives: "header_up -X-Refresh-Token", primary: "refresh-header"},
	{name: "http only", plain: true, primary: "tls"},
	{name: "http on the internet", plain: true, scheme: "http", public: true, primary: "encryption"},
	{name: "http at a port of https", scheme: "http", primary: "tls"},
	{name: "expired", cert: "expired", primary: "tls"},
	{name: "self-signed", cert: "self", primary: "tls"},
	{name: "wrong name", cert: "elsewhere", primary: "tls"},
	{name: "client certificate", cert: "good client", primary: "tls"},
	{name: "sub-folder cut off", path: "/books", location: "/books/*", primary: "web-page"},
	{name: "sub-folder missing", location: "/audiobookshelf/*", passTo: "kept", primary: "base-path"},
	{name: "h2 only", location: "h2", primary: "websocket"},
	{name: "range dropped", directives: "header_up -Range", primary: "ranges"},
}

// A real Caddy is wrong in one way at a time, and that is what is to be mended first.
func TestCaddyBeds(t *testing.T) {
	testBeds(t, "caddy", caddyBeds, caddySite, func(sites []string) string {
		return "{\nadmin off\nauto_https off\n}\n" + strings.Join(sites, "")
	}, func(dir string) []string {
		return []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "config")}
	})
}

func caddySite(b gatewayBed, dir string, port int, server string) string {
	scheme, tls := "http", ""
	if !b.plain {
		scheme = "https"
		cert, client, _ := strings.Cut(b.cert, " ")
		if cert == "" {
			cert = "good"
		}
		tls = fmt.Sprintf("tls %[1]s/%[2]s.pem %[1]s/%[2]s.key {\n", dir, cert)
		if client != "" {
			tls += fmt.Sprintf("client_auth {\nmode require_and_verify\ntrusted_ca_cert_file %s/ca.pem\n}\n", dir)
		}
		tls += "}\n"
	}
	proxy := fmt.Sprintf("reverse_proxy %s {\n%s\n}\n", server, b.directives)
	switch {
	case b.location == "h2":
		proxy = "@old not protocol http/2+\nrespond @old 505\n" + proxy
	case b.location != "" && b.passTo == "":
		proxy = fmt.Sprintf("handle_path %s {\n%s}\nrespond 404\n", b.location, proxy)
	case b.location != "":
		proxy = fmt.Sprintf("handle %s {\n%s}\nrespond 404\n", b.location, proxy)
	}
	return fmt.Sprintf("%s://%s:%d {\nbind 127.0.0.1\n%s%s}\n", scheme, bedHost, port, tls, proxy)
}
