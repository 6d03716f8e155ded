package keychain

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealVersion is the version of the sealed files' form.
const sealVersion = 1

// magic opens every sealed file; a version and a line end follow.
const magic = "shelfkeeper sealed "

// sealKey seals the vault's files. The key itself lies in the keychain.
type sealKey struct {
	aead cipher.AEAD
	id   string // names the key without revealing it; part of file names
	raw  [chacha20poly1305.KeySize]byte
}

func newSealKey() *sealKey {
	var raw [chacha20poly1305.KeySize]byte
	_, _ = rand.Read(raw[:]) // crypto/rand never returns an error since Go 1.24
	return sealKeyOf(raw)
}

func sealKeyOf(raw [chacha20poly1305.KeySize]byte) *sealKey {
	aead, err := chacha20poly1305.NewX(raw[:])
	if err != nil {
		panic(err) // the length is the only thing it checks
	}
	sum := sha256.Sum256(append([]byte("shelfkeeper key id\n"), raw[:]...))
	return &sealKey{aead: aead, id: hex.EncodeToString(sum[:8]), raw: raw}
}

type wireKey struct {
	Version int    `json:"v"`
	Key     string `json:"key"`
}

func (k *sealKey) encode() string {
	b, err := marshal(wireKey{Version: sealVersion, Key: base64.StdEncoding.EncodeToString(k.raw[:])})
	if err != nil {
		panic(err) // an int and ASCII
	}
	return string(b)
}

// decodeKey reads the keychain's key item; ErrNewer or ErrCorrupt.
func decodeKey(text string) (*sealKey, error) {
	var w wireKey
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return nil, fmt.Errorf("%w: the key is not JSON", ErrCorrupt)
	}
	if w.Version > sealVersion {
		return nil, fmt.Errorf("%w: the key has version %d, this program knows up to %d", ErrNewer, w.Version, sealVersion)
	}
	b, err := base64.StdEncoding.DecodeString(w.Key)
	if err != nil || w.Version < 1 || len(b) != chacha20poly1305.KeySize {
		return nil, fmt.Errorf("%w: the key does not have 32 bytes", ErrCorrupt)
	}
	return sealKeyOf([chacha20poly1305.KeySize]byte(b)), nil
}

// bound is what a sealed file is tied to, so that neither another account's
// file nor one of another key passes for it.
func (k *sealKey) bound(purpose string) []byte {
	return fmt.Appendf(nil, "%s%d\n%s\n%s", magic, sealVersion, k.id, purpose)
}

// seal returns plain as a sealed file for the purpose. The 24-byte random nonce
// of XChaCha20 needs no counter that a restored backup could repeat.
func (k *sealKey) seal(purpose string, plain []byte) []byte {
	out := fmt.Appendf(nil, "%s%d\n", magic, sealVersion)
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return k.aead.Seal(append(out, nonce...), nonce, plain, k.bound(purpose))
}

// unseal opens what seal made for the same purpose; ErrNewer or ErrUnreadable.
func (k *sealKey) unseal(purpose string, data []byte) ([]byte, error) {
	body, err := sealedBody(data)
	if err != nil {
		return nil, err
	}
	n := k.aead.NonceSize()
	if len(body) < n {
		return nil, fmt.Errorf("%w: torn", ErrUnreadable)
	}
	plain, err := k.aead.Open(nil, body[:n], body[n:], k.bound(purpose))
	if err != nil {
		return nil, fmt.Errorf("%w: torn, or sealed with another key", ErrUnreadable)
	}
	return plain, nil
}

// sealedBody checks the opening line.
func sealedBody(data []byte) ([]byte, error) {
	line, body, found := bytes.Cut(data, []byte("\n"))
	version, isOurs := bytes.CutPrefix(line, []byte(magic))
	if !found || !isOurs {
		return nil, fmt.Errorf("%w: torn, or not a sealed file", ErrUnreadable)
	}
	n, err := strconv.Atoi(string(version))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%w: no version", ErrUnreadable)
	}
	if n > sealVersion {
		return nil, fmt.Errorf("%w: sealed file has version %d, this program knows up to %d", ErrNewer, n, sealVersion)
	}
	return body, nil
}
