package proxytest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
)

func UserBody(own, other string) string {
	return fmt.Sprintf(`{"user":{"token":%q,"accessToken":%q,"x":"é\/"},"others":[%q],"url":"/hls/1?token=%s&a=1"}`, own, own, other, own)
}

func Refuses(rw http.ResponseWriter) {
	rw.Header()["Content-Type"] = nil
	rw.WriteHeader(401)
	_, _ = io.WriteString(rw, "Unauthorized")
}

// Media is bytes that a stream test can tell apart.
func Media(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

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
