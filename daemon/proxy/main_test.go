package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/proxy/proxytest"
)

// getVar makes the test binary a player: it gets the address in it and prints
// the status and the body. headVar holds the lines of its header, "name: value".
const (
	getVar  = "PROXY_TEST_GET"
	headVar = "PROXY_TEST_HEAD"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(getVar); address != "" {
		r, err := http.NewRequest("GET", address, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for line := range strings.Lines(os.Getenv(headVar)) {
			name, value, _ := strings.Cut(line, ":")
			r.Header.Set(name, strings.TrimSpace(value))
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		body, _ := io.ReadAll(resp.Body)
		fmt.Println(resp.StatusCode, string(body))
		os.Exit(0)
	}
	proxytest.Main(m)
}
