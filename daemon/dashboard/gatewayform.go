package dashboard

import (
	"errors"
	"io"
	"strings"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// changeOf reads a form about one kind of setting. With "remove" it takes the
// setting back. A flat switch shows the fields of each form at one glance.
func changeOf(r *request, kind GatewayKind) (c upstream.GatewayChange, err error) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	remove := field("remove") != ""
	to, err := addressesOf(field("for"))
	if err != nil {
		return c, err
	}
	switch name := field("name"); kind {
	case GatewayHeader:
		if value := redact.New(field("value")); name != "" && (remove || !value.IsEmpty()) {
			c.Headers = []upstream.GatewayHeader{{Name: name, Value: value, For: to}}
		}
	case GatewayBasic:
		if user := field("user"); user != "" || remove {
			c.Basic = &upstream.Basic{User: user, Password: redact.New(r.PostFormValue("password")), Header: field("header"), For: to}
		}
	case GatewayCert:
		if remove {
			c.ClientCert = &upstream.ClientCert{}
		} else if c.ClientCert, err = certOf(r); c.ClientCert != nil {
			c.ClientCert.For = to
		}
	case GatewayCA:
		if ca := r.typedOrFile("ca"); ca != "" || remove {
			c.CA = &ca
		}
	case GatewayPin:
		if pin := field("pin"); pin != "" || remove {
			c.Pin = &upstream.Pin{SHA256: pin, For: to}
		}
	case GatewayProxy:
		if proxy := redact.New(field("proxy")); !proxy.IsEmpty() || remove {
			c.Proxy = &proxy
		}
	case GatewayAgent:
		if agent := field("agent"); agent != "" || remove {
			c.UserAgent = &agent
		}
	}
	return c, err
}

// addressesOf reads the addresses that a secret is for.
func addressesOf(typed string) (to []string, err error) {
	for _, word := range strings.Fields(typed) {
		address, err := upstream.ParseFor(word)
		if err != nil {
			return nil, errors.New(text("gate.only.wrong"))
		}
		to = append(to, address)
	}
	return to, nil
}

// certOf reads a client certificate: PEM that is typed or in files, or a file of
// PKCS#12 with its password. It returns nil where there is none.
func certOf(r *request) (*upstream.ClientCert, error) {
	if p12 := r.file("p12"); len(p12) > 0 {
		return certOrNil(upstream.ClientCertP12(p12, redact.New(r.PostFormValue("p12pass"))))
	}
	chain := r.typedOrFile("chain")
	switch {
	case chain == "":
		return nil, nil
	case !strings.Contains(chain, "-----BEGIN CERTIFICATE-----"):
		return nil, errors.New(text("gate.chain.wrong"))
	}
	return certOrNil(upstream.ClientCertPEM([]byte(chain), []byte(chain+"\n"+r.typedOrFile("key"))))
}

func certOrNil(c *upstream.ClientCert, err error) (*upstream.ClientCert, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// file returns what was chosen in a field for a file; nothing where none was.
func (r *request) file(name string) []byte {
	if r.MultipartForm == nil || len(r.MultipartForm.File[name]) == 0 {
		return nil
	}
	f, err := r.MultipartForm.File[name][0].Open()
	if err != nil {
		return nil // it lies in memory, see readForm
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		return nil
	}
	return content
}

// typedOrFile returns the text of a field, or else of the file that was chosen in
// its place.
func (r *request) typedOrFile(name string) string {
	if typed := strings.TrimSpace(r.PostFormValue(name)); typed != "" {
		return typed
	}
	return strings.TrimSpace(string(r.file(name + "file")))
}
