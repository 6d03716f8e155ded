package survival

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var (
	errRefused      = errors.New("refused")
	errUnauthorized = fmt.Errorf("%w: unauthorized", errRefused)
)

const loginBody = `{"username":"` + user + `","password":"` + password + `"}`

// tokens makes a request that is answered with tokens.
func (l *life) tokens(path string, header http.Header, body string) (pair, error) {
	header.Set("Content-Type", "application/json")
	status, answer, head, err := l.ask(http.MethodPost, path, header, body)
	if err != nil {
		return pair{}, err
	}
	var said struct {
		User struct{ AccessToken, RefreshToken string }
	}
	if status == http.StatusUnauthorized {
		return pair{}, errUnauthorized
	}
	if status != http.StatusOK || json.Unmarshal(answer, &said) != nil || said.User.AccessToken == "" {
		return pair{}, errRefused
	}
	p := pair{said.User.AccessToken, said.User.RefreshToken}
	for _, c := range (&http.Response{Header: head}).Cookies() {
		if c.Name == "refresh_token" && p.refresh == "" {
			p.refresh = c.Value
		}
	}
	return p, nil
}

// signInBy is a person's sign-in: with the password, or at the provider.
func (l *life) signInBy(header http.Header) (pair, error) {
	if l.provider != nil {
		return l.openIDTokens()
	}
	return l.tokens(loginPath, header, loginBody)
}

// ask makes one request on a connection of its own.
func (l *life) ask(method, path string, header http.Header, body string) (status int, answer []byte, head http.Header, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, server+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header = header
	c := l.connect()
	defer c.Close()
	resp, err := c.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, resp.Header, err
}
