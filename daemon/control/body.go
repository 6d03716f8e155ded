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
	// bodyLimit is far more than a sign-in with a long password and address
	// takes, and far less than what would hurt.
	bodyLimit = 64 << 10

	// bodyTimeout bounds the wait for a body, which a client writes in one go.
	bodyTimeout = 5 * time.Second

	// replyTimeout bounds the writing of an answer to a client that has asked
	// and does not read.
	replyTimeout = 5 * time.Second
)

// receive decodes a request's body into in: one JSON value, no fields but
// known ones, nothing behind it. The refusal quotes nothing of the body, which
// may hold a password in a place we did not expect.
func receive(w http.ResponseWriter, r *http.Request, in any) *refusal {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	// Reading to the very end matters: only then does net/http watch the
	// connection and end the request's context when the client goes away.
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
// so they pass the scrubber once more.
func reply(w http.ResponseWriter, status int, v any) {
	if p, ok := v.(*problem.Problem); ok {
		v = &problem.Problem{Code: p.Code, Text: redact.Text(p.Text), Remedy: redact.Text(p.Remedy)}
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
