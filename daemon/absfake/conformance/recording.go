// Package conformance replays what running Audiobookshelf servers were recorded
// to answer against the double of the same release, and says where the two
// differ. The recordings are facts; nothing here knows the double's code, and
// what a case needs (users, tokens, an open playback session) is made through
// requests as the recorder made it.
//
// It runs within testing/synctest bubbles, so that the hours of a recording pass
// at once and at the very seconds in which they were recorded.
package conformance

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"shelfkeeper/daemon/absfake"
)

// ErrRecording is wrapped by Load for files that are no recordings.
var ErrRecording = errors.New("conformance: not a recording")

// Recording is what one release answered.
type Recording struct {
	Server string           `json:"server"` // "v2.36.0"
	Tokens map[string]Token `json:"tokens"`
	Cases  []*Case          `json:"cases"`

	raw []byte
}

// Token is what a placeholder stands for. Equal strings have equal placeholders.
type Token struct {
	Header   map[string]any `json:"header"`
	Claims   map[string]any `json:"claims"`
	Lifetime int64          `json:"lifetime_s"`
}

func (t Token) text(claim string) string { s, _ := t.Claims[claim].(string); return s }

// issued is the Unix second of the token, 0 where it tells none.
func (t Token) issued() int64 { n, _ := t.Claims["iat"].(float64); return int64(n) }

// Case is one recorded fact.
type Case struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	What  string `json:"what"`
	Note  string `json:"note"`

	Request  *Request  `json:"request"`
	Response *Response `json:"response"`
	Error    string    `json:"error"` // why there was no response

	Observed json.RawMessage `json:"observed"`

	Transport string          `json:"transport"`
	URL       string          `json:"url"`
	Handshake json.RawMessage `json:"handshake"`
	Frames    []Frame         `json:"frames"`
	Closed    *Closed         `json:"closed"`
}

// Request is what the recorder sent.
type Request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"` // a string is sent as it is, anything else as JSON
}

// Response is what came back. Headers hold a string or a list of strings.
type Response struct {
	Status  int             `json:"status"`
	Headers map[string]any  `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// Frame is one frame of a socket. Either Raw, or Prefix and JSON, is set.
type Frame struct {
	Millis int64           `json:"t_ms"` // since the upgrade request
	Dir    string          `json:"dir"`  // "in" from the server, "out" to it, "note"
	Prefix string          `json:"prefix"`
	JSON   json.RawMessage `json:"json"`
	Raw    string          `json:"raw"`
}

// Closed is how the server closed a socket.
type Closed struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
	Millis int64  `json:"t_ms"`
}

// Kind says how a case is replayed.
type Kind int

// The kinds of cases.
const (
	Exchange    Kind = iota // a request, and its response or the lack of one
	Transcript              // the frames of a socket
	Observation             // the outcome of a procedure, by the case's name
	Remark                  // a sentence about the case before
)

// Kind is told by what was recorded.
func (c *Case) Kind() Kind {
	switch {
	case c.Transport != "":
		return Transcript
	case c.Observed != nil:
		return Observation
	case c.Request != nil:
		return Exchange
	default:
		return Remark
	}
}

// sent is everything that the recorder said in the case, as text.
func (c *Case) sent() string {
	var b strings.Builder
	if c.Request != nil {
		b.WriteString(c.Request.Path)
		for _, v := range c.Request.Headers {
			b.WriteString(" " + v)
		}
		b.Write(plain(c.Request.Body))
	}
	for _, f := range c.Frames {
		if f.Dir == "out" {
			b.WriteString(" " + f.Raw)
			b.Write(plain(f.JSON))
		}
	}
	return b.String()
}

// heard is everything that the server said in the case, as text.
func (c *Case) heard() string {
	var b strings.Builder
	if c.Response != nil {
		for _, v := range c.Response.Headers {
			fmt.Fprint(&b, " ", v)
		}
		b.Write(plain(c.Response.Body))
	}
	for _, f := range c.Frames {
		if f.Dir == "in" {
			b.Write(plain(f.JSON))
		}
	}
	return b.String()
}

// plain undoes the escapes that hide a placeholder's brackets.
func plain(raw []byte) []byte {
	return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(raw)))
}

// Release is the release that was recorded.
func (r *Recording) Release() absfake.Release {
	return absfake.Release(strings.TrimPrefix(r.Server, "v"))
}

// Groups lists the groups in the order in which they were recorded.
func (r *Recording) Groups() []string {
	var out []string
	for _, c := range r.Cases {
		if !slices.Contains(out, c.Group) {
			out = append(out, c.Group)
		}
	}
	return out
}

//go:embed testdata
var extract embed.FS

// Extract is the recordings that the project keeps.
func Extract() ([]*Recording, error) {
	sub, err := fs.Sub(extract, "testdata")
	if err != nil {
		return nil, err
	}
	return load(sub)
}

// Load reads every recording in a folder: files that end in ".json".
func Load(dir string) ([]*Recording, error) { return load(os.DirFS(dir)) }

func load(from fs.FS) ([]*Recording, error) {
	names, err := fs.Glob(from, "*.json")
	if err != nil {
		return nil, err
	}
	var out []*Recording
	for _, name := range names {
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("read a recording: %w", err)
		}
		r, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrRecording, path.Base(name), err)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no *.json in the folder", ErrRecording)
	}
	return out, nil
}

// parse reads a recording. How it is laid out is beside the point: bodies and
// frames are kept as the server would have sent them.
func parse(raw []byte) (*Recording, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, err
	}
	r := &Recording{raw: b.Bytes()}
	if err := json.Unmarshal(r.raw, r); err != nil {
		return nil, err
	}
	if r.Server == "" || len(r.Cases) == 0 {
		return nil, errors.New("it names no server or has no cases")
	}
	return r, nil
}
