package proxytest

import (
	"io"
	"net/http"
)

func Refuses(rw http.ResponseWriter) {
	rw.Header()["Content-Type"] = nil
	rw.WriteHeader(401)
	_, _ = io.WriteString(rw, "Unauthorized")
}
