package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

const (
	// versionHeader carries the sender's major version in both directions. Two
	// programs of different versions surely understand only this header and the
	// JSON of a problem.
	versionHeader = "Shelfkeeper-Control"
	version       = 1

	// hostName is the Host of every request. The top-level domain .invalid never
	// resolves (RFC 6761), so no web page can have this host.
	hostName = "shelfkeeper.invalid"

	jsonType = "application/json"
	lineType = "application/x-ndjson"
)

// The calls, as method and path.
const (
	callPing     = "GET /v1/ping"
	callSnapshot = "GET /v1/snapshot"
	callEvents   = "GET /v1/events"
	callReauth   = "POST /v1/reauth"
	callSame     = "POST /v1/reauth/same-server"
	callLogin    = "POST /v1/login"
	callLogout   = "POST /v1/logout"
	callForget   = "POST /v1/forget"
	callPassword = "POST /v1/password"
	callPort     = "POST /v1/port"
	callRename   = "POST /v1/rename"
	callQuit     = "POST /v1/quit"

	callOpenID       = "POST /v1/openid"
	callOpenIDReturn = "POST /v1/openid/return"
	callOpenIDSkip   = "POST /v1/openid/skip"
)

// accountWire is the body of reauth and logout, and of others that need no more.
type accountWire struct {
	Account string `json:"account"`
}

// passwordWire is the body of password. As in signInWire, the passwords travel in
// the clear.
type passwordWire struct {
	Account string `json:"account"`
	Old     string `json:"old"`
	New     string `json:"new"`
}

// saidWire is the answer to forget.
type saidWire struct {
	Said []string `json:"said"`
}

// portWire is the body of port, and urlWire its answer.
type portWire struct {
	Account string `json:"account"`
	Port    int    `json:"port"`
}

// renameWire is the body of rename.
type renameWire struct {
	Account string `json:"account"`
	To      string `json:"to"`
}

type urlWire struct {
	ProxyURL string `json:"proxy_url"`
}

// nothing is the body of quit, and of every answer without content.
type nothing struct{}

// signInWire is a SignInRequest on the socket. It exists because a redact.Secret
// marshals as [redacted], and on this socket a password must travel in the clear.
type signInWire struct {
	Server     string          `json:"server"`
	Username   string          `json:"username"`
	Password   string          `json:"password"`
	Token      string          `json:"token,omitempty"`
	Account    string          `json:"account,omitempty"`
	Keep       bool            `json:"keep"`
	AllowHTTP  bool            `json:"allow_http"`
	Store      string          `json:"store,omitempty"`
	Replace    bool            `json:"replace,omitempty"`
	Passphrase string          `json:"passphrase,omitempty"`
	Gateway    json.RawMessage `json:"gateway,omitempty"`
}

var (
	errNotUTF8       = errors.New("the password is not valid UTF-8")
	errPhraseNotUTF8 = errors.New("the passphrase is not valid UTF-8, and the running daemon cannot be told it")
)

// checkPassphrase refuses what JSON would silently change.
func checkPassphrase(p redact.Secret) error {
	if utf8.ValidString(p.Reveal()) {
		return nil
	}
	return problem.New(problem.Usage, errPhraseNotUTF8, "end the daemon first: `shelfkeeper quit`")
}

func wireOf(in SignInRequest) (signInWire, error) {
	// encoding/json would silently replace such bytes, and the server would then
	// refuse a correctly typed password.
	if !utf8.ValidString(in.Password.Reveal()) {
		return signInWire{}, problem.New(problem.Usage, errNotUTF8, "set the terminal to UTF-8")
	}
	if err := checkPassphrase(in.Passphrase); err != nil {
		return signInWire{}, err
	}
	gateway, err := gatewayOf(in.Gateway)
	if err != nil {
		return signInWire{}, err
	}
	return signInWire{
		Server: in.Server, Username: in.Username, Password: in.Password.Reveal(), Token: in.Token.Reveal(),
		Account: in.Account, Keep: in.Keep, AllowHTTP: in.AllowHTTP, Store: in.Store, Replace: in.Replace,
		Passphrase: in.Passphrase.Reveal(), Gateway: gateway,
	}, nil
}

func (w signInWire) request() (SignInRequest, error) {
	gateway, err := changeOf(w.Gateway)
	return SignInRequest{
		Server: w.Server, Username: w.Username, Password: redact.New(w.Password), Token: redact.New(w.Token),
		Account: w.Account, Keep: w.Keep, AllowHTTP: w.AllowHTTP, Store: w.Store, Replace: w.Replace,
		Passphrase: redact.New(w.Passphrase), Gateway: gateway,
	}, err
}

// answerWire is a SignInAnswer on the socket.
type answerWire struct {
	Account       string   `json:"account"`
	Server        string   `json:"server"`
	ServerVersion string   `json:"server_version"`
	User          string   `json:"user"`
	ProxyURL      string   `json:"proxy_url"`
	Grant         string   `json:"grant,omitempty"`
	Warnings      []string `json:"warnings"`
	Admin         bool     `json:"admin,omitempty"`
}

// mismatch names the older of two programs of different major versions, which must
// be restarted. pid is the daemon's, or 0 when it is unknown.
func mismatch(client, daemon, pid int) *problem.Problem {
	remedy := "restart this program: a newer Shelfkeeper was installed while it ran"
	if client > daemon {
		remedy = "restart the daemon: a newer Shelfkeeper was installed while it ran"
		if pid != 0 {
			// The daemon would refuse `shelfkeeper quit` from the newer program too.
			remedy = fmt.Sprintf("end process %d, the running daemon, and start the newer Shelfkeeper", pid)
		}
	}
	return problem.Newf(problem.Other, remedy,
		"this program speaks version %d of the control protocol, the running daemon version %d", client, daemon)
}
