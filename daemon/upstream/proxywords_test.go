package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is said of a proxy, whoever sets it, and of a certificate and a gateway that only
// this package can name. The words are golden: run with UPDATE=1 to write them anew, and
// read what has changed.
func TestWordsOfProxies(t *testing.T) {
	var got strings.Builder
	type worded interface {
		Evidence() string
		Remedy() string
	}
	say := func(desc string, e worded) {
		fmt.Fprintf(&got, "%s\n  is: %s\n  do: %s\n", desc, e.Evidence(), e.Remedy())
	}
	for _, c := range []struct {
		desc string
		err  error
	}{
		{"down", &net.OpError{Op: "proxyconnect", Err: errors.New("connection refused")}},
		{"silent", &net.OpError{Op: "dial", Err: context.DeadlineExceeded}},
		{"wants a password", proxyStatus("407 Proxy Authentication Required")},
		{"forbids CONNECT", proxyStatus("403 Forbidden")},
		{"fails", proxyStatus("502 Bad Gateway")},
	} {
		e := ProxyError{Proxy: "http://proxy.lan:3128", Err: c.err}
		say(c.desc+", set by config.toml", &e)
		e.Own = true
		say(c.desc+", set for the account", &e)
		e.Own, e.Environment = false, true
		say(c.desc+", set by the environment", &e)
	}
	say("another certificate than the pinned one", &PinError{Want: strings.Repeat("a", 64), Got: strings.Repeat("b", 64)})
	say("HTTP/2: the stream is refused", &RefusedError{})
	golden := filepath.Join("testdata", "proxies.golden")
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got.String() {
		t.Errorf("the words have changed; now they are:\n%s", got.String())
	}
}
