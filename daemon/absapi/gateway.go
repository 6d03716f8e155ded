package absapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/netcause"
	"shelfkeeper/daemon/redact"
)

// maxEvidence keeps evidence to a line of a terminal or a notification.
const maxEvidence = 160

// maxPage is how much of a page is searched for its title and its maker.
const maxPage = 16 << 10

// foreign describes an answer that is not ABS's, for a person: who seems to
// have sent it, and what it says of itself.
func foreign(a reply) string {
	line := fmt.Sprintf("answered %d", a.status)
	if text := http.StatusText(a.status); text != "" {
		line += " " + text
	}
	if who := gateway(a); who != "" {
		line += ", it seems from " + who
	}
	if to := location(a); to != "" {
		line += ", redirecting to " + to
	}
	return line + from(a)
}

// from adds what the answer says of itself: Server, content type, title.
func from(a reply) string {
	var parts []string
	if s := plain(a.header.Get("Server"), 40); s != "" {
		parts = append(parts, "server "+s)
	}
	if s := plain(a.header.Get("Content-Type"), 40); s != "" {
		parts = append(parts, s)
	}
	if s := title(a.body); s != "" {
		parts = append(parts, fmt.Sprintf("%q", s))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// title returns the title of an HTML page, "" if there is none.
func title(body []byte) string {
	page := body[:min(len(body), maxPage)]
	lower := bytes.ToLower(page)
	if len(lower) != len(page) { // some letters change their length
		page = lower
	}
	start := bytes.Index(lower, []byte("<title"))
	if start < 0 {
		return ""
	}
	open := bytes.IndexByte(lower[start:], '>')
	if open < 0 {
		return ""
	}
	start += open + 1
	length := bytes.Index(lower[start:], []byte("</title"))
	if length < 0 {
		return ""
	}
	return plain(html.UnescapeString(string(page[start:start+min(length, 512)])), 60)
}

// location returns where a redirect points, without query and user.
func location(a reply) string {
	if a.status < 300 || a.status > 399 {
		return ""
	}
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return ""
	}
	return plain(redact.URL(u), 80)
}

// gateway names the program that seems to have answered instead of ABS, by its
// headers and pages. nginx, Caddy, HAProxy and Apache were asked; the others are
// known from their documentation and from reports of users.
func gateway(a reply) string {
	to := strings.ToLower(a.header.Get("Location"))
	cookies := strings.ToLower(strings.Join(a.header.Values("Set-Cookie"), "\n"))
	server := strings.ToLower(a.header.Get("Server"))
	body := string(bytes.ToLower(a.body[:min(len(a.body), maxPage)]))
	has := func(s string) bool { return strings.Contains(body, s) }
	switch {
	case strings.Contains(to, "cloudflareaccess.com"), a.header.Get("Cf-Access-Domain") != "", strings.Contains(to, "/cdn-cgi/access/"),
		strings.Contains(cookies, "cf_appsession="):
		return "Cloudflare Access (it wants a service token)"
	case a.header.Get("Cf-Mitigated") != "", has("challenge-platform"):
		return "a Cloudflare challenge"
	case strings.Contains(cookies, "authelia_session"), has("authelia"), strings.Contains(to, "authelia"),
		asksLikeAuthelia(to), asksLikeAuthelia(linkIn(body)):
		return "Authelia"
	case strings.Contains(to, "/outpost.goauthentik.io/"), strings.Contains(to, "/if/flow/"), strings.Contains(cookies, "authentik_"),
		strings.EqualFold(a.header.Get("X-Powered-By"), "authentik"), has("authentik"):
		return "authentik"
	case strings.Contains(to, "/oauth2/"), strings.Contains(to, "%2foauth2%2fcallback"), strings.Contains(cookies, "_oauth2_proxy"),
		has("oauth2-proxy"), has("oauth2 proxy"), has("/oauth2/start"), has("/oauth2/sign_in"), has("/oauth2/static/"),
		a.status == http.StatusUnauthorized && body == "{}" && a.header.Get("Content-Type") == "application/json": // 7.15.6
		return "oauth2-proxy"
	case strings.Contains(to, "pangolin"), strings.Contains(to, "/auth/resource/"), strings.Contains(cookies, "p_session"), has("pangolin"):
		return "Pangolin"
	case strings.HasPrefix(server, "cloudflare"), a.header.Get("Cf-Ray") != "":
		return "Cloudflare"
	case isTraefik(a, body):
		return traefik(a.status)
	case asksForPassword(a, "") || a.header.Get("Www-Authenticate") != "":
		return "a gateway with its own password"
	case has("captive portal"), has("hotspot"), a.status == http.StatusNetworkAuthenticationRequired, strings.Contains(to, "captive"),
		strings.Contains(to, "hotspot"), has("wispaccessgatewayparam"):
		return "a captive portal"
	case strings.HasPrefix(server, "openresty"), has("<center>openresty</center>"):
		return "openresty (Nginx Proxy Manager)"
	case strings.HasPrefix(server, "nginx"), has("<hr><center>nginx"):
		return "nginx"
	case strings.HasPrefix(server, "caddy"):
		return "Caddy"
	case strings.HasPrefix(server, "apache"), has("<!doctype html public \"-//ietf//dtd html 2.0//en\">"):
		return "Apache"
	case has("<html><body><h1>") && server == "" && a.header.Get("Etag") == "":
		return "HAProxy"
	}
	return ""
}

// asksLikeAuthelia reports the address to which Authelia sends for a sign-in: behind
// nginx's auth_request nothing else of it shows.
func asksLikeAuthelia(address string) bool {
	u, err := url.Parse(html.UnescapeString(address))
	return err == nil && u.Query().Get("rd") != "" && u.Query().Get("rm") != ""
}

// linkIn returns the address of the first link of a page in lower case.
func linkIn(body string) string {
	_, after, ok := strings.Cut(body, `<a href="`)
	if !ok {
		return ""
	}
	link, _, _ := strings.Cut(after, `"`)
	return link
}

// isTraefik reports the bare texts of Traefik. Audiobookshelf's have an ETag.
func isTraefik(a reply, body string) bool {
	if a.header.Get("Etag") != "" || a.header.Get("Server") != "" {
		return false
	}
	switch a.status {
	case http.StatusNotFound:
		return body == "404 page not found\n"
	case http.StatusServiceUnavailable:
		return body == "no available server\n"
	case http.StatusUnauthorized:
		return strings.Contains(a.header.Get("Www-Authenticate"), `realm="traefik"`)
	}
	return false
}

func traefik(status int) string {
	if status == http.StatusNotFound {
		return "Traefik, which has no route to the server (yet)"
	}
	return "Traefik"
}

// transportEvidence says in one line why no answer came.
func transportEvidence(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	var own interface{ Evidence() string }
	switch {
	case err == nil:
		return "no answer came"
	case errors.As(err, &own): // a proxy that fails, named by package upstream
		return plain(own.Evidence(), 2*maxEvidence) // with its remedy
	case errors.Is(err, context.Canceled):
		return "the request was given up"
	case errors.As(err, &dns) && dns.IsNotFound:
		return plain("the name "+hostname.ShownName(dns.Name)+" does not resolve", maxEvidence)
	}
	if evidence, _ := ofCertificate(err); evidence != "" {
		return evidence
	}
	if evidence, _ := ofTLS(err); evidence != "" {
		return evidence
	}
	switch cause := netcause.Of(err); {
	case cause != netcause.Unknown:
		return cause.String()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return netcause.TimedOut.String()
	case errors.As(err, &dns):
		return plain("the name "+hostname.ShownName(dns.Name)+" cannot be looked up now", maxEvidence)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), saysCut(err):
		return netcause.Cut.String()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return plain(redact.Text(err.Error()), maxEvidence)
}

// cuts are the words of net/http for a connection that was cut, where it has no error
// for them.
var cuts = []string{
	"http2: client connection lost", "http2: client connection force closed", "http2: client conn not usable", "GOAWAY", "stream error: ",
	"server closed idle connection", "connection broken", "unexpected EOF",
}

func saysCut(err error) bool {
	text := err.Error()
	return slices.ContainsFunc(cuts, func(words string) bool { return strings.Contains(text, words) })
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	if name := plain(c.Issuer.String(), 80); name != "" {
		return " (issued by " + name + ")"
	}
	return ""
}

// plain makes text of others fit for one line: no control characters, no
// tokens, at most n runes.
func plain(s string, n int) string {
	s = s[:min(len(s), 4<<10)]
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	s = redact.Text(strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > n {
		s = string(r[:n-1]) + "…"
	}
	return s
}
