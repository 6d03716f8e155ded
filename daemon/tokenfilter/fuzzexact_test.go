package tokenfilter

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

// cutJSON parts a valid document into string literals and what lies between
// them: between[0], strings[0], between[1], ...
func cutJSON(doc []byte) (between, literals [][]byte) {
	from := 0
	for i := 0; i < len(doc); i++ {
		if doc[i] != '"' {
			continue
		}
		between = append(between, doc[from:i])
		end := i + 1
		for doc[end] != '"' {
			if doc[end] == '\\' {
				end++
			}
			end++
		}
		literals = append(literals, doc[i:end+1])
		i, from = end, end+1
	}
	return append(between, doc[from:]), literals
}

// exact fails unless out is in with nothing but the tokens of its strings
// replaced, each string told by encoding/json.
func exact(t *testing.T, in, out []byte) {
	t.Helper()
	if !json.Valid(out) {
		t.Fatalf("valid in, invalid out:\n%s\n%s", in, out)
	}
	between, literals := cutJSON(in)
	between2, literals2 := cutJSON(out)
	if len(between) != len(between2) {
		t.Fatalf("%d strings became %d:\n%s\n%s", len(literals), len(literals2), in, out)
	}
	for i := range between {
		if !bytes.Equal(between[i], between2[i]) {
			t.Fatalf("%q became %q", between[i], between2[i])
		}
	}
	for i := range literals {
		var before, after string
		if json.Unmarshal(literals[i], &before) != nil || json.Unmarshal(literals2[i], &after) != nil {
			t.Fatalf("%s became %s", literals[i], literals2[i])
		}
		want := Value(before, ownOrBlank)
		if after != want || want == before && !bytes.Equal(literals[i], literals2[i]) {
			t.Fatalf("%s became %s", literals[i], literals2[i])
		}
	}
}

// Whatever is in a document beside tokens passes byte for byte.
func FuzzExact(f *testing.F) {
	for _, s := range samples() {
		if len(s.in) < 4000 {
			f.Add([]byte(s.in), uint64(0), uint8(7))
		}
	}
	f.Add([]byte(`{"tok\u0065n":"@","a":["x@y","\ud83d\ude00@","@@",1e5,null]}`), uint64(0x123456789abcdef), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, mask uint64, step uint8) {
		// An @ stands for a token, escaped here and there.
		in = bytes.ReplaceAll(in, []byte("@"), escapedBy(access, mask))
		if !json.Valid(in) {
			return
		}
		out, err := io.ReadAll(JSON(&stepReader{in, int(step)%64 + 1}, ownOrBlank))
		if err != nil {
			t.Fatal(err)
		}
		exact(t, in, out)
	})
}

// The frames of live sockets are digits before a document; they stay so.
func FuzzFrames(f *testing.F) {
	f.Add("42", `["user_updated",{"token":"@"}]`, uint64(0))
	f.Add("42/ns,17", `["@","\u0065yJ"]`, uint64(1<<63|1))
	f.Add("0", `{"sid":"x","upgrades":[]}`, uint64(0))
	f.Fuzz(func(t *testing.T, prefix, payload string, mask uint64) {
		for _, c := range []byte(prefix) {
			if (c < '0' || c > '9') && c != '/' && c != ',' && c != '-' {
				return
			}
		}
		doc := bytes.ReplaceAll([]byte(payload), []byte("@"), escapedBy(access, mask))
		if !json.Valid(doc) {
			return
		}
		frame := append([]byte(prefix), doc...)
		out, err := io.ReadAll(JSON(bytes.NewReader(frame), ownOrBlank))
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := bytes.CutPrefix(out, []byte(prefix))
		if !ok {
			t.Fatalf("%q became %q", frame, out)
		}
		exact(t, doc, rest)
	})
}

// escapedBy returns s with those of its characters escaped that mask names.
func escapedBy(s string, mask uint64) []byte {
	var b []byte
	for i, c := range []byte(s) {
		if mask>>(i%64)&1 == 1 {
			b = append(b, escaped(string(c))...)
		} else {
			b = append(b, c)
		}
	}
	return b
}
