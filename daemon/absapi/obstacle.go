package absapi

import (
	"bytes"
	"net/http"
	"strings"
)

// Obstacle is what stands between this machine and Audiobookshelf, for a person.
type Obstacle struct {
	Evidence string // what was seen, one line
	Remedy   string // it names the setting; NAME stands for the account
	// NeedsUser is set where waiting does not help.
	NeedsUser bool
}

// The remedies that more than one obstacle has. Each works as printed.
const (
	setHeader     = "`shelfkeeper account set NAME --header HEADER`"
	setBasic      = "`shelfkeeper account set NAME --basic USER --token-in-url`, which lets its log show the token"
	setClientCert = "`shelfkeeper account set NAME --client-cert FILE --client-key FILE`"
	setProxy      = "`shelfkeeper account set NAME --proxy URL`"
	setAuthority  = "`shelfkeeper account set NAME --ca FILE`"

	letPass = "let the gateway pass this address without its sign-in, or give it what it takes from programs: " + setHeader
)

// AnswerObstacle describes an answer that is not Audiobookshelf's.
func AnswerObstacle(status int, header http.Header, body []byte) Obstacle {
	return answerObstacle(reply{status: status, header: header, body: body})
}

func answerObstacle(a reply) Obstacle {
	remedy, needsUser := answerRemedy(a)
	return Obstacle{Evidence: foreign(a), Remedy: remedy, NeedsUser: needsUser}
}

// sign says how a gateway shows in an answer, and what ends that.
type sign struct {
	shows  func(a reply, body string) bool // body is in lower case
	remedy string
	passes bool // it ends by itself
}

func says(text string) func(reply, string) bool {
	return func(_ reply, body string) bool { return strings.Contains(body, text) }
}

func isStatus(codes ...int) func(reply, string) bool {
	return func(a reply, _ string) bool {
		for _, code := range codes {
			if a.status == code {
				return true
			}
		}
		return false
	}
}

func isFrom(names ...string) func(reply, string) bool {
	return func(a reply, _ string) bool {
		who := gateway(a)
		for _, name := range names {
			if strings.HasPrefix(who, name) {
				return true
			}
		}
		return false
	}
}

// signs are tried in order: what an answer says is worth more than its status.
var signs = []sign{
	{shows: says("no required ssl certificate"), remedy: "give the gateway the client certificate that it wants: " + setClientCert},
	{shows: says("the ssl certificate error"), remedy: "give the gateway a client certificate that it knows: " + setClientCert},
	{shows: says("plain http request was sent to https port"), remedy: usesTLS},
	{shows: says("sent an http request to an https server"), remedy: usesTLS},
	{shows: says("speaking plain http to an ssl-enabled server port"), remedy: usesTLS},
	{shows: isStatus(http.StatusProxyAuthRequired),
		remedy: "give the proxy its user and password: " + setProxy + " with http://USER:PASSWORD@HOST:PORT"},
	{shows: isFrom("a captive portal"), remedy: "open a browser and sign in to this network"},
	{shows: isFrom("a Cloudflare challenge"),
		remedy: "make a rule in Cloudflare that skips challenges for this address (Security, WAF, Skip)"},
	{shows: isFrom("Cloudflare Access"), remedy: "give it a service token: `shelfkeeper account set NAME --gateway cloudflare-access`"},
	{shows: isFrom("Pangolin"), remedy: "give it a token that Pangolin made: `shelfkeeper account set NAME --gateway pangolin`"},
	{shows: isFrom("Authelia"), remedy: "let Authelia pass this address (policy: bypass), or sign in to it: " +
		"`shelfkeeper account set NAME --gateway authelia --basic USER`"},
	{shows: isFrom("oauth2-proxy"), remedy: "let oauth2-proxy pass what has a sign-in of its own " +
		"(--skip-auth-route='^/(status|api|auth|login|logout|socket\\.io)'), or give it a header that it takes: " + setHeader},
	{shows: isFrom("authentik"), remedy: letPass},
	{shows: asksForPassword, remedy: "give the gateway its user and password: " + setBasic},
	{shows: func(a reply, _ string) bool { return a.status == http.StatusInternalServerError && marked("", a) }, passes: true,
		remedy: "look at Audiobookshelf's log: this error is its own"},
	{shows: isStatus(530), remedy: "start the tunnel (cloudflared) on the server's machine", passes: true},
	{shows: isStatus(520, 521, 522, 523, 524), remedy: "start the server, or let Cloudflare reach it", passes: true},
	{shows: isStatus(525, 526), remedy: "give the server a certificate that Cloudflare accepts, or set SSL/TLS there to Full"},
	{shows: isStatus(http.StatusBadGateway, http.StatusServiceUnavailable), passes: true,
		remedy: "start Audiobookshelf, or correct the address to which the gateway forwards (nginx: proxy_pass)"},
	{shows: isStatus(http.StatusGatewayTimeout), remedy: "wait, or raise the gateway's time limit (nginx: proxy_read_timeout)",
		passes: true},
	{shows: isStatus(http.StatusTooManyRequests), remedy: "raise the gateway's limit for this address (nginx: limit_req)", passes: true},
	{shows: isStatus(http.StatusRequestEntityTooLarge), remedy: "raise the gateway's limit for bodies (nginx: client_max_body_size 0)"},
	{shows: isStatus(http.StatusRequestHeaderFieldsTooLarge, 494),
		remedy: "raise the gateway's limit for headers (nginx: large_client_header_buffers 4 16k)"},
	{shows: isFrom("Traefik"), remedy: "wait until the server's container runs, or correct the rule of its router (Host, PathPrefix)",
		passes: true},
	{shows: isStatus(http.StatusNotFound), remedy: "correct the address and its sub-folder, or the gateway's route to the server"},
	{shows: isStatus(http.StatusForbidden), remedy: "let the gateway pass this machine (allow list, country, user agent), or give it the " +
		"header that it wants: " + setHeader},
	{shows: isStatus(http.StatusUnauthorized), remedy: letPass},
	{shows: isRedirect, remedy: "correct the server's address, or " + letPass},
	{shows: func(a reply, _ string) bool { return a.status/100 == 2 },
		remedy: "sign in to this network in a browser, or correct the server's address"},
	{shows: func(a reply, _ string) bool { return a.status/100 == 5 }, passes: true,
		remedy: "start Audiobookshelf, or look at the gateway's log"},
}

const usesTLS = "sign in again with https:// in front of the server's address: `shelfkeeper login https://HOST`"

// asksForPassword reports whether a gateway takes user and password, among others perhaps:
// it names each way in a header of its own or all in one (RFC 9110, 11.6.1).
func asksForPassword(a reply, _ string) bool {
	for _, ways := range a.header.Values("Www-Authenticate") {
		for way := range strings.SplitSeq(strings.ToLower(ways), ",") {
			if name, _, _ := strings.Cut(strings.TrimSpace(way), " "); name == "basic" {
				return true
			}
		}
	}
	return false
}

func isRedirect(a reply, _ string) bool { return a.status/100 == 3 }

// answerRemedy says what ends a foreign answer, and whether only the user can.
func answerRemedy(a reply) (remedy string, needsUser bool) {
	body := string(bytes.ToLower(a.body[:min(len(a.body), maxPage)]))
	for _, s := range signs {
		if s.shows(a, body) {
			return s.remedy, !s.passes
		}
	}
	return "look at the gateway's log: it answers in the server's place", true
}
