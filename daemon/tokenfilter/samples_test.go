package tokenfilter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// signed makes a JWT as jsonwebtoken writes it.
func signed(header, payload string) string {
	enc := base64.RawURLEncoding
	s := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte("the server's secret"))
	mac.Write([]byte(s))
	return s + "." + enc.EncodeToString(mac.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

var (
	access = signed(hs256, `{"userId":"u1","username":"demo","jti":"j1","type":"access","iat":1700000000,"exp":1700003600}`)
	legacy = signed(hs256, `{"userId":"u1","username":"demo","iat":1700000000}`)
	others = signed(hs256, `{"userId":"u2","username":"other","iat":1700000000}`)
	apiKey = signed(hs256, `{"keyId":"k1","name":"tool","type":"api","iat":1700000000}`)
	alien  = signed(hs256, `{"sub":"somebody","iat":1700000000}`)
	rs256  = signed(`{"alg":"RS256","typ":"JWT"}`, `{"userId":"u1"}`)
)

// mine stands for what a caller holds: its own user's tokens become it.
const mine = "sk_mine-_"

func ownOrBlank(c Claims) []byte {
	if c.UserID == "u1" {
		return []byte(mine)
	}
	return nil
}

// escaped writes every character of s as a JSON escape.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, `\u%04X`, c)
	}
	return b.String()
}

// sprinkled escapes every third character.
func sprinkled(s string) string {
	var b strings.Builder
	for i, c := range []byte(s) {
		if i%3 == 1 {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

type sample struct {
	desc string
	in   string
	want string // "" when nothing changes
	text bool   // also as plain text
}

func samples() []sample {
	long := strings.Repeat("A", 3*maxPart)
	return []sample{
		{"no token", `{"name":"a.eyes.b","d":1.5,"p":"\\u0065yJ\/"}`, "", true},
		{"empty", ``, "", true},
		{"own access token", `{"accessToken":"` + access + `","x":1}`, `{"accessToken":"` + mine + `","x":1}`, true},
		{"own legacy token", `{"user":{"token":"` + legacy + `"}}`, `{"user":{"token":"` + mine + `"}}`, true},
		{"another user's", `[{"token":"` + others + `"}]`, `[{"token":""}]`, true},
		{"an API key", `{"apiKey":"` + apiKey + `"}`, `{"apiKey":""}`, true},
		{"escaped key", `{"\u0074oken":"` + access + `"}`, `{"\u0074oken":"` + mine + `"}`, true},
		{"token as a key", `{"` + access + `":1}`, `{"` + mine + `":1}`, true},
		{"in an address", `{"url":"/x?token=` + access + `&y=1"}`, `{"url":"/x?token=` + mine + `&y=1"}`, true},
		{"in an address with \\/", `{"url":"\/x?token=` + access + `\/y"}`, `{"url":"\/x?token=` + mine + `\/y"}`, true},
		{"after a word character", `{"a":"abs_` + access + `"}`, `{"a":"abs_` + mine + `"}`, true},
		{"after another part", `{"a":"v1.` + access + `.ts"}`, `{"a":"v1.` + mine + `.ts"}`, true},
		{"two in one row", `"` + access + `.` + others + `"`, `"` + mine + `."`, true},
		{"many in one row", `"` + strings.Repeat(access+".", 40) + `"`, `"` + strings.Repeat(mine+".", 40) + `"`, true},
		{"a part before that looks like a payload", `"eyJ1c2VySWQiOjF9.eyJ1c2VySWQiOjF9.` + access + `"`,
			`"eyJ1c2VySWQiOjF9.eyJ1c2VySWQiOjF9.` + mine + `"`, true},
		{"bare, as text", access, mine, true},
		{"ends the body", "token=" + access, "token=" + mine, true},
		{"playlist", "#EXTM3U\noutput-0.ts?token=" + legacy + "\noutput-1.ts?token=" + legacy + "\n",
			"#EXTM3U\noutput-0.ts?token=" + mine + "\noutput-1.ts?token=" + mine + "\n", true},
		{"not of ABS", `{"a":"` + alien + `"}`, "", true},
		{"other algorithm", `{"a":"` + rs256 + `"}`, "", true},
		{"no signature", `{"a":"` + access[:strings.LastIndex(access, ".")+1] + `"}`, "", true},
		{"header only", `{"a":"` + access[:strings.Index(access, ".")+1] + `"}`, "", true},
		{"broken by a space", `{"a":"` + access[:20] + " " + access[20:] + `"}`, "", true},
		{"long row before", `"` + long + access + `"`, `"` + long + mine + `"`, true},
		{"long row of parts before", `"` + strings.Repeat("ab.eyJ.", maxPart) + access + `"`,
			`"` + strings.Repeat("ab.eyJ.", maxPart) + mine + `"`, true},
		{"wholly escaped", `{"a":"` + escaped(access) + `","b":"\u0065"}`, `{"a":"` + mine + `","b":"\u0065"}`, false},
		{"partly escaped", `{"a":"` + sprinkled(access) + `"}`, `{"a":"` + mine + `"}`, false},
		{"escaped first letter", `{"a":"\u0065` + access[1:] + `"}`, `{"a":"` + mine + `"}`, false},
		{"escaped fourth letter", `{"a":"eyJ\u0068` + access[4:] + `"}`, `{"a":"` + mine + `"}`, false},
		{"escaped dots", `{"a":"` + strings.ReplaceAll(access, ".", `\u002e`) + `"}`, `{"a":"` + mine + `"}`, false},
		{"escapes all around", `{"a":"\n\u0041\"` + access + `\\\u0041\n"}`, `{"a":"\n\u0041\"` + mine + `\\\u0041\n"}`, false},
		{"an escaped backslash is no escape", `{"a":"\\u0065` + access + `"}`, `{"a":"\\u0065` + mine + `"}`, false},
		{"a letter of an escape is none of the token", `{"a":"\n` + access + `"}`, `{"a":"\n` + mine + `"}`, false},
		{"long escaped row before", `"` + escaped(long) + access + `"`, `"` + escaped(long) + mine + `"`, false},
		{"long escaped row of parts", `"` + escaped(strings.Repeat("ab.eyJ.", 2000)) + access + `"`,
			`"` + escaped(strings.Repeat("ab.eyJ.", 2000)) + mine + `"`, false},
		{"bad escapes", `"\q` + access + `\u00`, `"\q` + mine + `\u00`, false},
		{"body ends in an escape", `{"a":"` + access + `\`, `{"a":"` + mine + `\`, false},
	}
}

func (s sample) expect() string {
	if s.want == "" {
		return s.in
	}
	return s.want
}

func read(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func differ(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	cut := func(s string) string { return s[min(len(s), max(0, i-40)):min(len(s), i+80)] }
	t.Errorf("differs at %d (lengths %d, %d):\n got …%s…\nwant …%s…", i, len(got), len(want), cut(got), cut(want))
}

func TestSamples(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.desc, func(t *testing.T) {
			differ(t, read(t, JSON(strings.NewReader(s.in), ownOrBlank)), s.expect())
			differ(t, read(t, JSON(iotest.OneByteReader(strings.NewReader(s.in)), ownOrBlank)), s.expect())
			differ(t, read(t, iotest.OneByteReader(JSON(iotest.DataErrReader(strings.NewReader(s.in)), ownOrBlank))), s.expect())
			if s.text {
				differ(t, read(t, Text(strings.NewReader(s.in), ownOrBlank)), s.expect())
				differ(t, Value(s.in, ownOrBlank), s.expect())
			}
		})
	}
}

// Wherever the body is cut in two, the outcome is the same.
func TestEverySplit(t *testing.T) {
	for _, s := range samples() {
		if len(s.in) > 4000 {
			continue
		}
		for i := range len(s.in) + 1 {
			in := io.MultiReader(strings.NewReader(s.in[:i]), strings.NewReader(s.in[i:]))
			if got := read(t, JSON(in, ownOrBlank)); got != s.expect() {
				t.Fatalf("%s: cut at %d: got %q", s.desc, i, got)
			}
		}
	}
}

// A token lies across the edge of the buffer at every offset.
func TestEveryBufferEdge(t *testing.T) {
	for _, tok := range []string{access, sprinkled(access)} {
		for i := range len(tok) + 2 {
			pad := strings.Repeat(" ", bufferSize-i)
			want := pad + `"` + mine + `"` + pad
			if got := read(t, JSON(strings.NewReader(pad+`"`+tok+`"`+pad), ownOrBlank)); got != want {
				t.Fatalf("edge at %d", i)
			}
		}
	}
}

func TestReplacementMustBeHarmless(t *testing.T) {
	for _, bad := range []string{`a"b`, `a\b`, "a&b", "a\nb", "a b", "<"} {
		got := read(t, JSON(strings.NewReader(`"`+access+`"`), func(Claims) []byte { return []byte(bad) }))
		if got != `""` {
			t.Errorf("%q went in: %s", bad, got)
		}
	}
}

func TestClaims(t *testing.T) {
	for tok, want := range map[string]Claims{
		access:                        {UserID: "u1", Type: "access"},
		legacy:                        {UserID: "u1"},
		apiKey:                        {KeyID: "k1", Type: "api"},
		signed(hs256, `{"userId":7}`): {},
	} {
		var got []Claims
		read(t, Text(strings.NewReader(tok), func(c Claims) []byte { got = append(got, c); return nil }))
		if len(got) != 1 || got[0] != want {
			t.Errorf("claims %+v, want %+v", got, want)
		}
	}
}

// A body that is cut gives out no piece of a token.
func TestCutBodyWithholdsTheTokenUnderWay(t *testing.T) {
	for i := 1; i < len(access); i++ {
		in := io.MultiReader(strings.NewReader(`{"a":"`+access[:i]), iotest.ErrReader(io.ErrUnexpectedEOF))
		b, err := io.ReadAll(JSON(in, ownOrBlank))
		if err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
		if string(b) != `{"a":"` {
			t.Fatalf("cut after %d: %s", i, b)
		}
	}
}

// What can be given out is, before the body goes on.
func TestNothingDecidedIsHeldBack(t *testing.T) {
	pr, pw := io.Pipe()
	defer pr.Close()
	r := JSON(pr, ownOrBlank)
	go func() { _, _ = pw.Write([]byte(`{"a":"` + access + `",`)) }()
	want := `{"a":"` + mine + `",`
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("%s, %v", got, err)
	}
}

func TestKindOf(t *testing.T) {
	for ct, want := range map[string]Kind{
		"": Plain, "nonsense": Opaque, ";;": Plain,
		"application/json; charset=utf-8": Escaped, "APPLICATION/JSON": Escaped, "application/problem+json": Escaped,
		"text/json": Escaped, "application/manifest+json": Escaped, "application/json; charset": Escaped,
		"text/html; charset=UTF-8": Plain, "text/plain": Plain, "application/xml": Plain, "image/svg+xml": Plain,
		"application/rss+xml": Plain, "application/vnd.apple.mpegurl": Plain, "audio/x-mpegurl": Plain,
		"application/javascript": Plain, "multipart/byteranges; boundary=x": Plain,
		"audio/mpeg": Opaque, "video/mp2t": Opaque, "image/webp": Opaque, "application/zip": Opaque,
		"application/octet-stream": Opaque, "application/epub+zip": Opaque, "application/pdf": Opaque,
	} {
		if got := KindOf(ct); got != want {
			t.Errorf("KindOf(%q) = %v, want %v", ct, got, want)
		}
	}
}
