package proxytest

import (
	"net/http"
)

// Try returns the status, or "" when the connection ends without an answer.
func (w *World) Try(method, path string) string {
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := http.NewRequest(method, "http://"+w.Addr+path, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	return resp.Status
}
