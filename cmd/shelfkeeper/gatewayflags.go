package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// gatewayFlags are what a command line says of the gateway in front of a server. No
// secret stands among them: other programs can read a command line.
type gatewayFlags struct {
	template              string
	headers, addresses    []string
	basic, basicHeader    string
	tokenInURL            bool
	cert, key, p12        string
	ca, pin, proxy, agent string
	stdin                 bool
	remove                []string
}

// gatewayTemplates are the settings that known gateways want of programs.
var gatewayTemplates = map[string]gatewayFlags{
	// developers.cloudflare.com: a service token is two headers.
	"cloudflare-access": {headers: []string{"CF-Access-Client-Id", "CF-Access-Client-Secret"}},
	// docs.pangolin.net: an access token of a resource is two headers.
	"pangolin": {headers: []string{"P-Access-Token-Id", "P-Access-Token"}},
	// authelia.com: the endpoints for gateways take a user's password in this header.
	"authelia": {basicHeader: "Proxy-Authorization"},
}

// removable are the settings that --remove knows, beside header:NAME.
var removable = []string{"basic", "client-cert", "ca", "pin", "proxy", "user-agent"}

func (g *gatewayFlags) add(c *cobra.Command, mayRemove bool) {
	f := c.Flags()
	f.StringVar(&g.template, "gateway", "", "`kind` of gateway whose headers to send: cloudflare-access, pangolin or authelia (with --basic)")
	f.StringArrayVar(&g.headers, "header", nil, "`name` of a header that the gateway wants; its value is asked for, or read with --stdin")
	f.StringVar(&g.basic, "basic", "", "user `name` that the gateway asks for; its password is asked for, or read with --stdin")
	f.StringVar(&g.basicHeader, "basic-header", "", "`name` of the header for --basic, where the gateway takes another one than Authorization")
	f.BoolVar(&g.tokenInURL, "token-in-url", false, "with --basic: accept that Audiobookshelf's token travels as ?token= and stands in the "+
		"gateway's log")
	f.StringVar(&g.cert, "client-cert", "", "`file` with the client certificate that the gateway asks for, in PEM")
	f.StringVar(&g.key, "client-key", "", "`file` with the certificate's key, if that is another file")
	f.StringVar(&g.p12, "client-p12", "", "`file` with certificate and key in PKCS#12; its password is asked for, or read with --stdin")
	f.StringVar(&g.ca, "ca", "", "`file` with the certificate of your own authority, in PEM")
	f.StringVar(&g.pin, "pin", "", "SHA-256 `fingerprint` of the one certificate that is trusted, whoever issued it")
	f.StringVar(&g.proxy, "proxy", "", "`address` of a proxy to the server, or direct for none")
	f.StringVar(&g.agent, "user-agent", "", "`text` that everything sends as User-Agent, players included")
	f.StringArrayVar(&g.addresses, "for", nil, "`address` of the server that the secrets are for; the one signed in to if missing. "+
		"An http:// address gets them unencrypted")
	f.BoolVar(&g.stdin, "stdin", false, "read the secrets from standard input, a line each: headers in their order, then --basic, then "+
		"--client-p12")
	if mayRemove {
		f.StringArrayVar(&g.remove, "remove", nil, "forget a `setting`: header:NAME, "+strings.Join(removable, ", "))
	}
}

// change returns what is to be different, and asks for its secrets.
func (g gatewayFlags) change(c *cobra.Command, e *env) (change upstream.GatewayChange, err error) {
	if g, err = g.withTemplate(); err != nil {
		return change, usage(c, err)
	}
	if err := g.check(); err != nil {
		return change, usage(c, err)
	}
	var to []string
	for _, text := range g.addresses {
		address, err := upstream.ParseFor(text)
		if err != nil {
			return change, usage(c, fmt.Errorf("--for: %w", err))
		}
		to = append(to, address)
	}
	if change, err = g.removals(); err != nil {
		return change, usage(c, err)
	}
	for _, name := range g.headers {
		value, err := e.gatewaySecret(c, "value of "+name, g.stdin)
		if err != nil {
			return change, err
		}
		if value.IsEmpty() {
			return change, problem.Newf(problem.Usage, "to forget the header, give --remove header:"+name, "the value of %s is empty", name)
		}
		change.Headers = append(change.Headers, upstream.GatewayHeader{Name: name, Value: value, For: to})
	}
	if g.basic != "" {
		password, err := e.gatewaySecret(c, "password of "+g.basic+" at the gateway", g.stdin)
		if err != nil {
			return change, err
		}
		change.Basic = &upstream.Basic{User: g.basic, Password: password, Header: g.basicHeader, For: to}
	}
	if err := g.files(c, e, &change, to); err != nil {
		return change, err
	}
	if g.pin != "" {
		change.Pin = &upstream.Pin{SHA256: g.pin, For: to}
	}
	if g.proxy != "" {
		proxy := redact.New(g.proxy)
		change.Proxy = &proxy
	}
	if g.agent != "" {
		change.UserAgent = &g.agent
	}
	if _, err := (upstream.Gateway{}).With(withoutRemovals(change)); err != nil {
		return change, usage(c, errors.New(strings.TrimPrefix(err.Error(), upstream.ErrPolicy.Error()+": ")))
	}
	return change, nil
}

func (g gatewayFlags) withTemplate() (gatewayFlags, error) {
	if g.template == "" {
		if g.basic != "" && g.basicHeader == "" {
			g.basicHeader = "Authorization"
		}
		return g, nil
	}
	t, ok := gatewayTemplates[g.template]
	switch {
	case !ok:
		return g, fmt.Errorf("--gateway is %q, not cloudflare-access, pangolin or authelia", shortened(g.template))
	case t.basicHeader != "" && g.basic == "":
		return g, fmt.Errorf("--gateway %s needs --basic with your user name there", g.template)
	}
	g.headers = append(slices.Clone(t.headers), g.headers...)
	if g.basicHeader == "" {
		g.basicHeader = t.basicHeader
	}
	return g, nil
}

func (g gatewayFlags) check() error {
	for _, name := range g.headers {
		if name == "" {
			return errors.New("--header got an empty name")
		}
		if strings.ContainsAny(name, ":=") {
			return fmt.Errorf("--header takes the name alone: other programs can read a command line; the value is asked for, or read with --stdin")
		}
	}
	switch {
	case g.basic != "" && strings.EqualFold(g.basicHeader, "Authorization") && !g.tokenInURL:
		return fmt.Errorf("--basic takes the header Authorization, so that Audiobookshelf's token would travel as ?token= and stand in the " +
			"gateway's log: add --token-in-url to accept that, or --basic-header with another header that the gateway takes " +
			"(Authelia takes Proxy-Authorization)")
	case g.basic == "" && (g.basicHeader != "" || g.tokenInURL):
		return fmt.Errorf("--basic-header and --token-in-url belong to --basic")
	case g.key != "" && g.cert == "":
		return fmt.Errorf("--client-key belongs to --client-cert")
	case g.cert != "" && g.p12 != "":
		return fmt.Errorf("the client certificate is given twice: --client-cert and --client-p12")
	case g.stdin && len(g.headers) == 0 && g.basic == "" && g.p12 == "":
		return fmt.Errorf("--stdin reads the secrets of --header, --basic and --client-p12")
	}
	return nil
}

// removals is the change that --remove asks for.
func (g gatewayFlags) removals() (change upstream.GatewayChange, err error) {
	none, noProxy := "", redact.Secret{}
	for _, what := range g.remove {
		name, isHeader := strings.CutPrefix(what, "header:")
		switch {
		case isHeader && name != "":
			change.Headers = append(change.Headers, upstream.GatewayHeader{Name: name})
		case what == "basic":
			change.Basic = &upstream.Basic{}
		case what == "client-cert":
			change.ClientCert = &upstream.ClientCert{}
		case what == "ca":
			change.CA = &none
		case what == "pin":
			change.Pin = &upstream.Pin{}
		case what == "proxy":
			change.Proxy = &noProxy
		case what == "user-agent":
			change.UserAgent = &none
		default:
			return change, fmt.Errorf("--remove knows header:NAME, %s, not %q", strings.Join(removable, ", "), what)
		}
	}
	return change, nil
}

// withoutRemovals is the part of a change that can be checked alone.
func withoutRemovals(c upstream.GatewayChange) upstream.GatewayChange {
	c.Headers = slices.DeleteFunc(slices.Clone(c.Headers), func(h upstream.GatewayHeader) bool { return h.Value.IsEmpty() })
	return c
}

// files reads the files that are named.
func (g gatewayFlags) files(c *cobra.Command, e *env, change *upstream.GatewayChange, to []string) error {
	var err error
	switch {
	case g.p12 != "":
		file, ferr := gatewayFile("--client-p12", g.p12)
		if ferr != nil {
			return ferr
		}
		password, ferr := e.gatewaySecret(c, "password of "+g.p12, g.stdin)
		if ferr != nil {
			return ferr
		}
		change.ClientCert, err = upstream.ClientCertP12(file, password)
	case g.cert != "":
		chain, ferr := gatewayFile("--client-cert", g.cert)
		key := chain
		if ferr == nil && g.key != "" {
			key, ferr = gatewayFile("--client-key", g.key)
		}
		if ferr != nil {
			return ferr
		}
		change.ClientCert, err = upstream.ClientCertPEM(chain, key)
	}
	if err != nil {
		return problem.New(problem.Usage, err, "check the file, its key and its password")
	}
	if change.ClientCert != nil && change.ClientCert.Chain != "" {
		change.ClientCert.For = to
	}
	if g.ca != "" {
		body, err := gatewayFile("--ca", g.ca)
		if err != nil {
			return err
		}
		text := string(body)
		change.CA = &text
	}
	return nil
}

// maxGatewayFile bounds a file of certificates.
const maxGatewayFile = 1 << 20

func gatewayFile(flag, path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fileTrouble(flag, path, err)
	case info.IsDir():
		return nil, problem.Newf(problem.Usage, "name a file in it", "%s: %s is a folder", flag, path)
	case !info.Mode().IsRegular() || info.Size() > maxGatewayFile:
		return nil, problem.Newf(problem.Usage, "name another file", "%s: %s is not a file of certificates", flag, path)
	case info.Size() == 0:
		return nil, problem.Newf(problem.Usage, "name another file", "%s: %s is empty", flag, path)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fileTrouble(flag, path, err)
	}
	return body, nil
}

// gatewaySecret asks for one secret, or reads a line.
func (e *env) gatewaySecret(c *cobra.Command, what string, fromStdin bool) (redact.Secret, error) {
	_, typing := e.terminal()
	if fromStdin && !typing {
		line, err := readLine(e.stdin)
		if err != nil && line == "" {
			return redact.Secret{}, problem.Newf(problem.Usage, "give a line for each secret", "standard input has no line for the %s", what)
		}
		return redact.New(strings.TrimRight(line, "\r")), nil
	}
	if !typing {
		return redact.Secret{}, usage(c, fmt.Errorf("no terminal to ask for the %s at: give --stdin", what))
	}
	secret, err := e.secret(c.Context(), strings.ToUpper(what[:1])+what[1:]+": ")
	if err != nil {
		return secret, unanswered(err)
	}
	return secret, nil
}
