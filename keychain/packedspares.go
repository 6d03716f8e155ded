package keychain

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"shelfkeeper/daemon/redact"
)

// plainSpares is how many spares stand in a record as they are, so that an older
// build finds them. Further ones are packed, and so are more of them in a record that
// is too long otherwise. An older build does not know the packed ones: it keeps them
// as it keeps every field that it does not know.
const plainSpares = 3

// Spares are tokens of one server for one user, so their texts are nearly equal.
// Packed are, in this order: packedForm; the number of tokens; of each token the
// length of its signature plus one, or 0 for a text that is no such token; the
// signatures; and, compressed together, of each token its header and its payload, or
// the text, each behind its length. All numbers are varints. The whole is base64.
const (
	packedForm = 1
	// mostUnpacked bounds what is unpacked, in bytes.
	mostUnpacked = 8 << 10
	// packedWords is what the texts begin with, as Audiobookshelf makes them. Stored
	// records need it as it is.
	packedWords = `{"alg":"HS256","typ":"JWT"},"jti":"{"userId":"","username":"","type":"refresh","iat":17,"exp":17}`
)

var (
	errPacked     = errors.New("the packed spares are not of the expected form")
	errPackedLate = errors.New("there are more packed spares, or of another form, than this program knows")
)

// packers are writers of this dictionary: one takes 800 kB.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriterDict(nil, flate.BestCompression, []byte(packedWords))
	if err != nil {
		panic(err) // of a fixed level
	}
	return w
}}

// wireSpares returns the spares beyond the first as they are stored, where that many in
// all are not packed.
func wireSpares(r Record, plain int) (texts []string, packed string) {
	spares := r.Spares()
	ok := true
	if len(spares) > plain {
		packed, ok = packTokens(spares[plain:])
	}
	if !ok {
		plain = len(spares) // far too long for any record, as its size will tell
	}
	for i := 1; i < min(plain, len(spares)); i++ {
		texts = append(texts, spares[i].Reveal())
	}
	return texts, packed
}

// withSpares returns r with the spares of w beyond the first; ErrNewer or ErrCorrupt.
func withSpares(r Record, w wireRecord) (Record, error) {
	if n := len(w.MoreSpares); n >= plainSpares {
		return r, fmt.Errorf("%w: the record holds %d spare sessions as they are, this program knows %d", ErrNewer, n+1, plainSpares)
	}
	all := []redact.Secret{r.Spare}
	for _, token := range w.MoreSpares {
		all = append(all, redact.New(token))
	}
	if w.PackedSpares != "" {
		packed, err := unpackTokens(w.PackedSpares, MostSpares)
		switch {
		case errors.Is(err, errPackedLate):
			return r, fmt.Errorf("%w: %w", ErrNewer, err)
		case err != nil:
			return r, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		all = append(all, packed...)
	}
	// An older build, which knows the first ones alone, may have used them.
	r.SetSpares(slices.DeleteFunc(all, redact.Secret.IsEmpty)...)
	return r, nil
}

// packTokens returns tokens in the packed form. ok is false for more than can be
// unpacked again.
func packTokens(tokens []redact.Secret) (packed string, ok bool) {
	out := binary.AppendUvarint([]byte{packedForm}, uint64(len(tokens)))
	var signatures, texts []byte
	for _, token := range tokens {
		parts := splitToken(token.Reveal())
		if parts == nil {
			out = binary.AppendUvarint(out, 0)
			texts = appendText(texts, []byte(token.Reveal()))
			continue
		}
		out = binary.AppendUvarint(out, uint64(len(parts[2])+1))
		signatures = append(signatures, parts[2]...)
		texts = appendText(appendText(texts, parts[0]), parts[1])
	}
	if len(texts)+len(signatures) > mostUnpacked {
		return "", false
	}
	var small bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&small)
	_, err := w.Write(texts)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", false // a buffer takes everything
	}
	out = append(append(out, signatures...), small.Bytes()...)
	return base64.RawURLEncoding.EncodeToString(out), true
}

// unpackTokens is the inverse of packTokens. It unpacks at most that many tokens.
func unpackTokens(packed string, most int) (tokens []redact.Secret, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(packed)
	switch {
	case err != nil || len(raw) == 0:
		return nil, errPacked
	case raw[0] != packedForm:
		return nil, errPackedLate
	}
	in := bytes.NewBuffer(raw[1:])
	n, err := binary.ReadUvarint(in)
	if n > uint64(most) {
		return nil, errPackedLate
	}
	lengths := make([]int, n)
	for i := range lengths {
		length, e := binary.ReadUvarint(in)
		lengths[i], err = int(min(length, mostUnpacked)), errors.Join(err, e)
	}
	if err != nil {
		return nil, errPacked
	}
	signatures := make([][]byte, n)
	for i, length := range lengths {
		if signatures[i] = in.Next(max(0, length-1)); len(signatures[i]) != max(0, length-1) {
			return nil, errPacked
		}
	}
	unpacking := flate.NewReaderDict(in, []byte(packedWords))
	all, err := io.ReadAll(io.LimitReader(unpacking, mostUnpacked+1))
	if err != nil || len(all) > mostUnpacked || in.Len() > 0 {
		return nil, errPacked
	}
	texts := bytes.NewBuffer(all)
	for i, length := range lengths {
		first, err := nextText(texts)
		if err != nil {
			return nil, err
		}
		if length == 0 {
			tokens = append(tokens, redact.New(string(first)))
			continue
		}
		payload, err := nextText(texts)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, redact.New(joinToken(first, payload, signatures[i])))
	}
	if texts.Len() > 0 {
		return nil, errPacked
	}
	return tokens, nil
}

func appendText(to, text []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

func nextText(from *bytes.Buffer) ([]byte, error) {
	length, err := binary.ReadUvarint(from)
	if err != nil || length > uint64(from.Len()) {
		return nil, errPacked
	}
	return from.Next(int(length)), nil
}

// splitToken returns header, payload and signature of a JWT that joinToken writes
// letter by letter as it was; nil for any other text.
func splitToken(token string) [][]byte {
	var parts [][]byte
	for part := range strings.SplitSeq(token, ".") {
		plain, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil
		}
		parts = append(parts, plain)
	}
	if len(parts) != 3 || joinToken(parts[0], parts[1], parts[2]) != token {
		return nil
	}
	return parts
}

func joinToken(header, payload, signature []byte) string {
	text := base64.RawURLEncoding.EncodeToString
	return text(header) + "." + text(payload) + "." + text(signature)
}
