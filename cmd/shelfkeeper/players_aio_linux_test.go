package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
)

// aioVar names a folder for PYTHONPATH that holds aioaudiobookshelf. With it the test
// records anew what the library sends.
const aioVar = "SHELFKEEPER_AIO"

// sent is a request as a program sent it. {grant} stands for its grant, and {3:user.id}
// for what the answer to the request 3 said there.
type sent struct {
	Method  string
	Target  string // as it stood in the request
	Headers map[string]string
	Body    string `json:",omitempty"`
	Status  int
}

// What aioaudiobookshelf, the library of Music Assistant, sends gets the answers that it
// got when it was recorded. It joins an address and a path that begins with a slash; at
// the server each arrives with one.
func TestAioaudiobookshelf(t *testing.T) {
	t.Parallel()
	s, p, local, _ := signedIn(t, absfake.Config{Podcasts: true})
	grant := secretText.FindString(p.ok("", "players", "add", "Music Assistant", "--for", "music-assistant").stdout)
	file := filepath.Join("testdata", "aioaudiobookshelf.json")
	if library := os.Getenv(aioVar); library != "" {
		recorded := record(t, local, grant, "python3", filepath.Join("testdata", "record-aioaudiobookshelf.py"), library)
		if err := os.WriteFile(file, recorded, 0o644); err != nil {
			t.Fatal(err)
		}
		return // the server is another one now
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var requests []sent
	if err := json.Unmarshal(content, &requests); err != nil {
		t.Fatal(err)
	}
	doubled, answers := 0, []string{}
	for n, r := range requests {
		filled := func(text string) string { return fill(t, text, grant, answers) }
		header := []string{}
		for name, value := range r.Headers {
			header = append(header, name, filled(value))
		}
		target := filled(r.Target)
		if strings.HasPrefix(target, "//") {
			doubled++
		}
		code, body := playerAsks(t, r.Method, local+target, filled(r.Body), header...)
		if code != r.Status {
			t.Errorf("%d: %s %s: %d, recorded %d: %.200s", n, r.Method, r.Target, code, r.Status, body)
		}
		answers = append(answers, body)
		p.noServerToken(s, body)
	}
	if doubled < 40 {
		t.Errorf("only %d requests with a doubled slash", doubled)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return strings.Contains(e.Path, "//") }); n != 0 {
		t.Errorf("%d requests reached the server with a doubled slash", n)
	}
}

var placeOfAnswer = regexp.MustCompile(`\{(?:grant|(\d+):([\w.]+))\}`)

// fill puts the grant and earlier answers in the place of placeholders.
func fill(t *testing.T, text, grant string, answers []string) string {
	t.Helper()
	return placeOfAnswer.ReplaceAllStringFunc(text, func(found string) string {
		m := placeOfAnswer.FindStringSubmatch(found)
		if m[1] == "" {
			return grant
		}
		n, _ := strconv.Atoi(m[1]) // digits
		var in any
		if n >= len(answers) || json.Unmarshal([]byte(answers[n]), &in) != nil {
			t.Errorf("%s: there is no such answer", found)
			return found
		}
		value, ok := leaves(in, "")[m[2]]
		if !ok {
			t.Errorf("%s: the answer does not say it", found)
		}
		return value
	})
}

// leaves returns the strings in a JSON value by their paths.
func leaves(v any, path string) map[string]string {
	out := map[string]string{}
	add := func(step string, v any) {
		for k, s := range leaves(v, strings.TrimPrefix(path+"."+step, ".")) {
			out[k] = s
		}
	}
	switch v := v.(type) {
	case string:
		out[path] = v
	case []any:
		for n, e := range v {
			add(strconv.Itoa(n), e)
		}
	case map[string]any:
		for k, e := range v {
			add(k, e)
		}
	}
	return out
}

// foreign is what another run has another of: an id or a token.
var foreign = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|eyJ[\w-]+\.[\w-]+\.[\w-]+|sk_[\w-]{43}`)

// record runs a program against a recorder in front of local, and returns what it sent.
func record(t *testing.T, local, grant, program, script, library string) []byte {
	t.Helper()
	var requests []sent
	said := map[string]string{grant: "{grant}"} // value: where it was said first
	named := func(text string) string {
		return foreign.ReplaceAllStringFunc(text, func(found string) string {
			if place, ok := said[found]; ok {
				return place
			}
			return found
		})
	}
	recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		one := sent{Method: r.Method, Target: named(r.RequestURI), Headers: map[string]string{}, Body: named(string(body))}
		out, err := http.NewRequest(r.Method, local+r.RequestURI, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		for name, values := range r.Header {
			out.Header[name] = values
			if name != "Content-Length" && name != "Accept-Encoding" {
				one.Headers[name] = named(values[0])
			}
		}
		out.Header.Del("Accept-Encoding")
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		var in any
		if json.Unmarshal(answer, &in) == nil {
			texts := leaves(in, "")
			for _, path := range slices.Sorted(maps.Keys(texts)) {
				value := texts[path]
				if _, known := said[value]; !known && foreign.FindString(value) == value {
					said[value] = fmt.Sprintf("{%d:%s}", len(requests), path)
				}
			}
		}
		one.Status = resp.StatusCode
		requests = append(requests, one)
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(answer) // the recording says what is missing
	}))
	defer recorder.Close()
	cmd := exec.CommandContext(t.Context(), program, script, recorder.URL+"/", grant)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+library, "PYTHONDONTWRITEBYTECODE=1")
	told, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, told)
	}
	t.Logf("%s", told)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(requests); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
