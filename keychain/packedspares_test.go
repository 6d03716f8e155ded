package keychain

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/redact"
)

// absToken is a token as Audiobookshelf makes it, with a jti from 2.35.1 on.
func absToken(user, kind string, jti bool, n int) redact.Secret {
	payload := fmt.Sprintf(`{"userId":"b0a3c9f2-7e51-4f6a-9d2c-123456789012","username":%q,"type":%q`, user, kind)
	if jti {
		id := sha256.Sum256(fmt.Append(nil, n))
		payload += fmt.Sprintf(`,"jti":"%x-%x-%x-%x-%x"`, id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	}
	payload += fmt.Sprintf(`,"iat":%d,"exp":%d}`, 1764212345+n*79197, 1766804345+n*79197)
	signature := sha256.Sum256([]byte(payload))
	return redact.New(joinToken([]byte(`{"alg":"HS256","typ":"JWT"}`), []byte(payload), signature[:]))
}

// openIDRecord is a record of such a user's account without spares.
func openIDRecord(user string, jti bool) Record {
	r := signedIn(Password{}, 0)
	r.Username, r.Access, r.Refresh = user, absToken(user, "access", jti, 0), absToken(user, "refresh", jti, 1)
	return r
}

// As many spares as are wanted have room where tokens have no jti, also beside a long
// name. Elsewhere three have. The first are where an older build looks for them.
func TestRoomForSpares(t *testing.T) {
	for _, c := range []struct {
		name string
		jti  bool
		want int
	}{
		{"alice", false, MostSpares}, {"maximiliane.von.musterstadt@example.org", false, MostSpares},
		{strings.Repeat("qx7", 33), false, 4}, {"alice", true, 6}, {strings.Repeat("qx7", 33), true, 2},
		{strings.Repeat("qx7", 150), false, 0},
	} {
		r := openIDRecord(c.name, c.jti)
		n := RoomForSpares(r, MostSpares)
		if n != c.want {
			t.Errorf("a name of %d bytes, jti %v: room for %d spares, want %d", len(c.name), c.jti, n, c.want)
		}
		for i := range n {
			r.AddSpare(absToken(c.name, "refresh", c.jti, 2+i))
		}
		if err := CheckRoom(r); (err != nil) != (n == 0) {
			t.Errorf("a name of %d bytes, jti %v, %d spares: %v", len(c.name), c.jti, n, err)
		}
		r.Previous = r.Refresh
		e, err := encodeRecord(r, 9)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRecord(e.raw, r.Account)
		if err != nil || !slices.Equal(back.Spares(), r.Spares()) || len(e.raw) > maxRecord {
			t.Errorf("%d bytes; %d spares are read as %d, %v", len(e.raw), n, len(back.Spares()), err)
		}
		if len(c.name) < 40 && strings.Count(e.raw, r.MoreSpares[1].Reveal()) != 1 {
			t.Errorf("a name of %d bytes, jti %v: the third spare does not stand as it is", len(c.name), c.jti)
		}
	}
}

// The session is kept where its user has got a name so long that not all spares fit.
func TestSparesGiveWay(t *testing.T) {
	r := openIDRecord("alice", true)
	for i := range 5 {
		r.AddSpare(absToken("alice", "refresh", true, 2+i))
	}
	r.Username = strings.Repeat("n", 500)
	r.Refresh = absToken(r.Username, "refresh", true, 9)
	r.Previous = r.Spare
	e, err := encodeRecord(r, 1)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeRecord(e.raw, r.Account)
	if n := len(back.Spares()); err != nil || back.Refresh != r.Refresh || n == 0 || n == 5 ||
		!slices.Equal(back.Spares(), r.Spares()[:n]) {
		t.Errorf("%d spares, %v", n, err)
	}
}

// A record with packed spares as it was first written, and what an older build, which
// keeps the field without knowing it, may have made of it.
func TestPackedSparesStayReadable(t *testing.T) {
	const packed = "AQIhISstHH5kW_l7-KTZjWAPaAnYnHs-jd3vm8uuhy-QquQXfePeQlE4--N5dWukz6VeUzUZDpAcgygfgzAyTVMKFFHEzrsRAyEMBuFCXINmhI" +
		"T0o3Iwj8zjzBm9O7vhEtJrYPd7HQ6_Lf3mqi2mEIYlytMrRZdGSTSbowQnue_7-HwPBM_ORZUvikOYVXk9SSowwU5CmGD9AwAA__8"
	var want []redact.Secret
	for i := range 5 {
		want = append(want, absToken("demo", "refresh", false, 2+i))
	}
	for desc, c := range map[string]struct {
		plain string
		want  []redact.Secret
	}{
		"as written":          {fmt.Sprintf(`"spare":%q,"spares":[%q,%q],`, want[0].Reveal(), want[1].Reveal(), want[2].Reveal()), want},
		"two used":            {fmt.Sprintf(`"spare":%q,`, want[2].Reveal()), want[2:]},
		"all that were plain": {"", want[3:]},
	} {
		body := fmt.Sprintf(`{"gen":3,"acct":"home",%s"packed":%q}`, c.plain, packed)
		e, err := decodeRecord(fmt.Sprintf(`{"v":1,"sum":%q,"rec":%s}`, checksum([]byte(body)), body), "home")
		if err != nil || !slices.Equal(e.Spares(), c.want) || e.Record.unknown != "" {
			t.Errorf("%s: %d spares, %v", desc, len(e.Spares()), err)
		}
	}
}

// Whatever the tokens are, they come back letter by letter.
func TestTokensComeBackAsTheyWere(t *testing.T) {
	text := rapid.OneOf(
		rapid.String(), rapid.StringMatching(`[A-Za-z0-9_-]{0,90}\.[A-Za-z0-9_-]{0,90}\.[A-Za-z0-9_-]{0,90}`),
		rapid.Map(rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 3, 3), func(p [][]byte) string { return joinToken(p[0], p[1], p[2]) }),
		rapid.Map(rapid.IntRange(0, 9), func(n int) string { return absToken("demo", "refresh", n%2 == 0, n).Reveal() }),
		rapid.SampledFrom([]string{"", ".", "..", "...", "YQ.YQ.YQ", "YR.YQ.YQ", "YQ=.YQ.YQ", "Y\nQ.YQ.YQ", "YQ.YQ.YQ.",
			strings.Repeat("x", 2500)}),
	)
	rapid.Check(t, func(t *rapid.T) {
		var tokens []redact.Secret
		for _, s := range rapid.SliceOfN(text, 0, MostSpares).Draw(t, "tokens") {
			tokens = append(tokens, redact.New(s))
		}
		packed, ok := packTokens(tokens)
		if !ok {
			for _, token := range tokens {
				if len(token.Reveal()) >= 2500 {
					return
				}
			}
			t.Fatal("tokens of an ordinary length are not packed")
		}
		if back, err := unpackTokens(packed, MostSpares); err != nil || !slices.Equal(back, tokens) {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzUnpackTokens(f *testing.F) {
	good, _ := packTokens([]redact.Secret{absToken("demo", "refresh", true, 1), absToken("demo", "refresh", true, 2), redact.New("x")})
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add("AQA")
	f.Fuzz(func(t *testing.T, packed string) {
		tokens, err := unpackTokens(packed, MostSpares)
		if err != nil {
			if !errors.Is(err, errPacked) && !errors.Is(err, errPackedLate) {
				t.Fatalf("unclassified: %v", err)
			}
			return
		}
		again, ok := packTokens(tokens)
		if !ok {
			t.Fatal("what was unpacked cannot be packed")
		}
		if back, err := unpackTokens(again, MostSpares); err != nil || !slices.Equal(back, tokens) {
			t.Fatalf("%q becomes %q: %v", packed, again, err)
		}
	})
}

func TestUnpackRefusals(t *testing.T) {
	packedOf := func(head []byte, texts string) string {
		var b bytes.Buffer
		w, err := flate.NewWriterDict(&b, flate.BestCompression, []byte(packedWords))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(texts)); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(append(head, b.Bytes()...))
	}
	bomb := string(appendText(nil, make([]byte, 1<<20)))
	many := binary.AppendUvarint([]byte{packedForm}, 1<<60)
	for desc, c := range map[string]struct {
		packed string
		want   error
	}{
		"no base64":               {"!", errPacked},
		"nothing":                 {"", errPacked},
		"another form":            {"AgE", errPackedLate},
		"no number":               {"AQ", errPacked},
		"one too many":            {packedOf([]byte{packedForm, MostSpares + 1}, ""), errPackedLate},
		"more than memory":        {packedOf(many, ""), errPackedLate},
		"a signature that ends":   {base64.RawURLEncoding.EncodeToString([]byte{packedForm, 1, 33, 1, 2}), errPacked},
		"a bomb":                  {packedOf([]byte{packedForm, 1, 0}, bomb), errPacked},
		"a text that ends":        {packedOf([]byte{packedForm, 1, 0}, "\x09abc"), errPacked},
		"more than it announces":  {packedOf([]byte{packedForm, 1, 0}, "\x01ab"), errPacked},
		"something behind":        {packedOf([]byte{packedForm, 1, 0}, "\x01a") + "AAAA", errPacked},
		"no payload":              {packedOf([]byte{packedForm, 1, 1}, "\x01a"), errPacked},
		"not what is unpacked of": {base64.RawURLEncoding.EncodeToString([]byte{packedForm, 1, 0, 0xff, 0xff}), errPacked},
	} {
		if _, err := unpackTokens(c.packed, MostSpares); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", desc, err, c.want)
		}
	}
	for body, want := range map[string]error{
		`{"gen":3,"acct":"home","packed":"AgE"}`:                             ErrNewer,
		`{"gen":3,"acct":"home","packed":"!"}`:                               ErrCorrupt,
		`{"gen":3,"acct":"home","spare":"a","spares":["b","c","d"]}`:         ErrNewer,
		`{"gen":3,"acct":"home","spare":"a","spares":["b","c"],"packed":""}`: nil,
	} {
		_, err := decodeRecord(fmt.Sprintf(`{"v":1,"sum":%q,"rec":%s}`, checksum([]byte(body)), body), "home")
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
}
