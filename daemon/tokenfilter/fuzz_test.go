package tokenfilter

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// expected does to a decoded document what JSON must do to its text, with
// nothing in common but Text on single strings.
func expected(v any) any {
	switch v := v.(type) {
	case string:
		return Value(v, ownOrBlank)
	case []any:
		for i := range v {
			v[i] = expected(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[Value(k, ownOrBlank)] = expected(e)
		}
		return out
	}
	return v
}

func FuzzJSON(f *testing.F) {
	for _, s := range samples() {
		if len(s.in) < 4000 {
			f.Add([]byte(s.in), uint8(7))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		out, err := io.ReadAll(JSON(&stepReader{in, int(step)%16 + 1}, ownOrBlank))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(JSON(bytes.NewReader(in), ownOrBlank))
		if err != nil || !bytes.Equal(out, whole) {
			t.Fatalf("steps of %d differ from the whole:\n%q\n%q", step, out, whole)
		}
		if !json.Valid(in) {
			return
		}
		var before, after any
		if err := json.Unmarshal(in, &before); err != nil {
			return // numbers out of range
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("valid in, invalid out: %v\n%s\n%s", err, in, out)
		}
		if hasDoubles(in) {
			return // which of two equal keys wins may change with their tokens
		}
		if want := expected(before); !reflect.DeepEqual(after, want) {
			t.Fatalf("\n got %v\nwant %v", after, want)
		}
	})
}

// hasDoubles reports whether two keys of an object of doc are or become equal.
func hasDoubles(doc []byte) bool {
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return true
	}
	count := func(b []byte) (n int) {
		d := json.NewDecoder(bytes.NewReader(b))
		for {
			t, err := d.Token()
			if err != nil {
				return n
			}
			if t != json.Delim('{') && t != json.Delim('}') {
				n++
			}
		}
	}
	again, err := json.Marshal(expected(v))
	return err != nil || count(again) != count(doc)
}

// stepReader gives out n bytes at a time.
type stepReader struct {
	b []byte
	n int
}

func (s *stepReader) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.b[:min(s.n, len(s.b))])
	s.b = s.b[n:]
	return n, nil
}

// Whatever stands around a token and however it is escaped, it does not come
// through, in JSON as in text.
func FuzzTokenNeverPasses(f *testing.F) {
	f.Add("", "", uint64(0), uint8(1))
	f.Add("eyJ.ey", ".x", uint64(1<<40-1), uint8(3))
	f.Add(`\`, `\u00`, uint64(5), uint8(2))
	f.Fuzz(func(t *testing.T, before, after string, mask uint64, step uint8) {
		var b strings.Builder
		for i, c := range []byte(access) {
			if mask>>(i%64)&1 == 1 {
				b.WriteString(escaped(string(c)))
			} else {
				b.WriteByte(c)
			}
		}
		around, err := json.Marshal([]string{before, after})
		if err != nil {
			t.Fatal(err)
		}
		doc := strings.Replace(string(around), `","`, b.String(), 1)
		out, err := io.ReadAll(JSON(&stepReader{[]byte(doc), int(step)%16 + 1}, ownOrBlank))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if json.Unmarshal(out, &got) == nil && strings.Contains(strings.Join(got, ""), access) {
			t.Fatalf("came through: %s", out)
		}
		text := read(t, Text(iotest.HalfReader(strings.NewReader(before+access+after)), ownOrBlank))
		if strings.Contains(text, access) {
			t.Fatalf("came through: %s", text)
		}
	})
}
