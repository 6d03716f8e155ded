package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

const (
	// bodyLimit is far above a sign-in with a long password and address, and
	// small enough to be harmless.
	bodyLimit = 64 << 10

	// bodyTimeout bounds the wait for a body. Clients write it in one go.
	bodyTimeout = 5 * time.Second

	// replyTimeout bounds the writing of an answer to a client that does not
	// read.
	replyTimeout = 5 * time.Second
)

// receive decodes a request's body into in: one JSON value with known fields only
// and nothing behind it. The refusal quotes nothing of the body, which may hold a
// password in an unexpected place.
func receive(w http.ResponseWriter, r *http.Request, in any) *refusal {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	// The body must be read to its end: only then net/http watches the connection
	// and ends the request's context when the client goes away.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	_ = rc.SetReadDeadline(time.Time{})
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return &refusal{http.StatusRequestEntityTooLarge, "its body is too long", nil}
	}
	if err != nil {
		return &refusal{http.StatusBadRequest, "its body did not arrive", nil}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if dec.Decode(in) != nil {
		return &refusal{http.StatusBadRequest, "its body is not what this call takes", nil}
	}
	if _, err := dec.Token(); err != io.EOF {
		return &refusal{http.StatusBadRequest, "something follows its body", nil}
	}
	return nil
}

// reply writes v as the whole answer. Problems may quote a server or a library,
// so their texts are redacted once more.
func reply(w http.ResponseWriter, status int, v any) {
	if p, ok := v.(*problem.Problem); ok {
		v = &problem.Problem{Code: p.Code, Text: redact.Text(p.Text), Remedy: redact.Text(p.Remedy), Condition: p.Condition}
	}
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":1,"text":"the daemon could not write its answer"}`)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTimeout))
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
