package absfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// watched are the headers that the recordings keep.
var watched = []string{
	"Content-Type", "Content-Length", "Etag", "Set-Cookie", "Cache-Control", "Accept-Ranges", "Last-Modified", "Location", "Vary",
	"Content-Range", "Ratelimit-Policy", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset", "Retry-After",
	"Access-Control-Allow-Origin", "Content-Disposition",
}

func (r *replay) compareHeaders(c recordedCase, answer *http.Response, raw []byte) {
	t := r.t
	want := map[string][]string{}
	for k, v := range c.Headers {
		name := http.CanonicalHeaderKey(k)
		if name == "Transfer-Encoding" {
			if !slices.Contains(answer.TransferEncoding, "chunked") {
				t.Errorf("%s: not chunked", c.Name)
			}
			continue
		}
		switch v := v.(type) {
		case string:
			want[name] = []string{v}
		case []any:
			for _, e := range v {
				want[name] = append(want[name], e.(string))
			}
		}
	}
	for _, name := range slices.Concat(watched, slices.Collect(maps.Keys(want))) {
		got, expect := answer.Header.Values(name), want[name]
		if name == "Content-Length" && c.Status == http.StatusRequestHeaderFieldsTooLarge {
			continue // Node says nothing there; net/http must
		}
		if len(got) != len(expect) {
			t.Errorf("%s: %s is %q, recorded %q", c.Name, name, got, expect)
			continue
		}
		for i := range got {
			r.bindCookie(c.Name, expect[i], got[i])
			if g, e := r.value(c, name, got[i], raw), r.value(c, name, r.ours(expect[i]), raw); g != e {
				t.Errorf("%s: %s is %q, recorded %q", c.Name, name, g, e)
			}
		}
	}
}

// bindCookie learns a refresh token that only a cookie holds.
func (r *replay) bindCookie(name, recorded, got string) {
	p := placeholder.FindString(recorded)
	if p == "" || !strings.HasPrefix(recorded, "refresh_token=") {
		return
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(got, "refresh_token="), ";")
	r.compareScalar(name, "cookie", p, token)
}

var (
	cookieValue = regexp.MustCompile(`^(connect\.sid|refresh_token)=[^;]+`)
	cookieDate  = regexp.MustCompile(`Expires=[A-Z][a-z]{2}, [^;]*20[0-9]{2} [0-9:]{8} GMT`)
)

// value takes out of a header what differs by identity or time.
func (r *replay) value(c recordedCase, name, v string, raw []byte) string {
	switch name {
	case "Set-Cookie":
		return cookieDate.ReplaceAllString(cookieValue.ReplaceAllString(v, "$1=V"), "Expires=T")
	case "Last-Modified":
		return recordedDate.ReplaceAllString(v, libraryTime.Format(http.TimeFormat))
	case "Ratelimit-Reset", "Retry-After":
		return fmt.Sprint(len(v) > 0)
	case "Etag", "Content-Length":
		if c.Name == "status/before-init" {
			return fmt.Sprint(len(v) > 0) // other directories
		}
		// Bodies with ids and times of their own have other lengths.
		if bytes.HasPrefix(raw, []byte("{")) && len(raw) > 300 || len(raw) == 0 && c.Request.Method == "HEAD" && c.Group == "extra" || c.Status == 304 && c.Group == "extra" {
			return fmt.Sprint(len(v) > 0)
		}
		if strings.Contains(c.Name, "progress/") || strings.Contains(c.Name, "track-redirect") {
			return fmt.Sprint(len(v) > 0)
		}
	}
	return v
}

// exact are the parts of bodies that say nothing of identity or time.
var exact = []string{"/serverSettings", "/user/permissions", "/permissions", "/error", "/success", "/redirect_url", "/authFormData", "/app", "/isInit", "/settings", "/results"}

func (r *replay) compare(name, path string, want, got any) {
	t := r.t
	switch want := want.(type) {
	case object:
		have, ok := got.(object)
		if !ok {
			t.Errorf("%s: %s is %T, recorded an object", name, path, got)
			return
		}
		keys := keysOf(want)
		for _, p := range want {
			if p.key == "$keys" {
				keys = nil
				for _, k := range p.value.([]any) {
					keys = append(keys, k.(string))
				}
			}
		}
		if strings.HasSuffix(path, "/metaTags") {
			return // our files have no tags
		}
		if own := keysOf(have); !slices.Equal(own, keys) {
			t.Errorf("%s: keys of %q are\n%v, recorded\n%v", name, path, own, keys)
		}
		for _, p := range want {
			for _, q := range have {
				if p.key == q.key {
					r.compare(name, path+"/"+p.key, p.value, q.value)
				}
			}
		}
	case []any:
		have, ok := got.([]any)
		if !ok || (len(want) > 0) != (len(have) > 0) {
			t.Errorf("%s: %s is %v, recorded %v", name, path, got, want)
			return
		}
		if len(want) > 0 {
			r.compare(name, path+"[]", want[0], have[0])
		}
	default:
		r.compareScalar(name, path, want, got)
	}
}

func (r *replay) compareScalar(name, path string, want, got any) {
	t := r.t
	if w, ok := want.(string); ok {
		g, _ := got.(string)
		if placeholder.MatchString(w) || recordedID.MatchString(w) {
			if own := r.bound[w]; own != "" && own != g {
				t.Errorf("%s: %s is another %s than before", name, path, w)
			}
			r.bound[w] = g
			return
		}
	}
	if strings.HasSuffix(path, "/coverPath") || strings.HasSuffix(path, "/channelLayout") || strings.HasSuffix(path, "FromMeta") || strings.HasSuffix(path, "/userDefaultLibraryId") {
		return // differ with the library
	}
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		t.Errorf("%s: %s is %v (%T), recorded %v (%T)", name, path, got, got, want, want)
		return
	}
	_, isBool := want.(bool)
	if isBool || slices.ContainsFunc(exact, func(p string) bool { return strings.Contains(path, p) }) || name == "ping" {
		if want != got && !strings.HasSuffix(path, "/id") {
			t.Errorf("%s: %s is %v, recorded %v", name, path, got, want)
		}
	}
}

func keysOf(o object) []string {
	var out []string
	for _, p := range o {
		out = append(out, p.key)
	}
	return out
}

// ordered decodes JSON into objects that keep the order of their keys.
func ordered(t *testing.T, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	v, err := orderedValue(d)
	if err != nil {
		t.Fatalf("decode %.100q: %v", raw, err)
	}
	return v
}

func orderedValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			o = append(o, pair{key.(string), v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}
