package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake"
)

// What the origin serves beside what the double does: as an Audiobookshelf
// server would, but made beforehand, so that the origin costs little.
const (
	smallPath = "/api/items/bench-small"
	filePath  = "/api/items/bench/file/1"
	fileSize  = 256 << 20
	listPath  = "/api/libraries/bench/items"
	// largeItems make a body of about 20 MB.
	largeItems = 33_000
	largePath  = listPath + "?limit=33000"

	originUser, originPassword = "bench", "a password of no value"
)

func itemsPath(n int) string { return fmt.Sprintf("%s?limit=%d", listPath, n) }

// originReady is what the origin prints once it listens.
type originReady struct {
	HTTP  string `json:"http"`
	HTTPS string `json:"https"`
}

// newOrigin is the origin as a process of its own, so that its work and its
// memory are nobody else's.
func newOrigin() *cobra.Command {
	return &cobra.Command{
		Use:    "proxy-origin CERTIFICATE",
		Short:  "The server that `shelfbench proxy` measures before",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return serveOrigin(c, args[0])
		},
	}
}

func serveOrigin(c *cobra.Command, certificate string) error {
	users := []absfake.User{{Name: growthUser(0), Password: originPassword, Type: "root"}}
	for i := 1; i < manyAccounts; i++ {
		users = append(users, absfake.User{Name: growthUser(i), Password: originPassword})
	}
	fake, err := absfake.New(absfake.Config{LimiterMax: -1, Users: users})
	if err != nil {
		return err
	}
	config, err := selfSigned(certificate)
	if err != nil {
		return errors.Join(err, fake.Close())
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, fake.Close())
	}
	secure, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return errors.Join(err, plain.Close(), fake.Close())
	}
	s := &http.Server{Handler: originHandler(fake.Handler()), IdleTimeout: 6 * time.Second, ReadHeaderTimeout: time.Minute}
	var served sync.WaitGroup
	for _, l := range []net.Listener{plain, secure} {
		served.Go(func() { _ = s.Serve(l) }) // Close is its end
	}
	ready := originReady{HTTP: "http://" + plain.Addr().String(), HTTPS: "https://" + secure.Addr().String()}
	if err := json.NewEncoder(c.OutOrStdout()).Encode(ready); err != nil {
		return errors.Join(err, s.Close(), fake.Close())
	}
	<-c.Context().Done()
	err = errors.Join(s.Close(), fake.Close())
	served.Wait()
	return err
}

func originHandler(next http.Handler) http.Handler {
	small := []byte(strings.TrimSuffix(string(itemsBody(3)), "\n"))
	lists := map[string][]byte{"33000": largeBody()}
	for _, n := range []int{10, 100, 1000, 10_000} {
		lists[strconv.Itoa(n)] = itemsBody(n)
	}
	vast := sync.OnceValue(func() []byte { return itemsBody(vastItems) }) // takes a moment, and only growth asks for it
	piece := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog. 0123456789 abcdefgh"), 4096)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch r.URL.Path {
		case smallPath:
			sendBody(w, small)
		case listPath:
			body := lists[r.URL.Query().Get("limit")]
			if r.URL.Query().Get("limit") == strconv.Itoa(vastItems) {
				body = vast()
			}
			sendBody(w, body)
		case filePath:
			h.Set("Content-Type", "audio/mpeg")
			h.Set("Content-Length", strconv.Itoa(fileSize))
			h.Set("Etag", `W/"10000000-19b5d5a0000"`)
			h.Set("Last-Modified", "Wed, 31 Dec 2025 00:00:00 GMT")
			h.Set("Accept-Ranges", "bytes")
			for range fileSize / len(piece) {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func sendBody(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Etag", `W/"`+strconv.Itoa(len(body))+`"`)
	_, _ = w.Write(body) // who asked may be gone
}

// itemsBody is a list of n items as the server writes them.
func itemsBody(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"results":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"86a33fcc-28d2-4e3c-91af-%012d","ino":"%d","libraryId":"bench",`+
			`"path":"/audiobooks/Jane Austen/Emma %d","isFile":false,"mtimeMs":1700000000000,"isMissing":false,"mediaType":"book",`,
			i, 7340000+i, i)
		fmt.Fprintf(&b, `"media":{"metadata":{"title":"Emma, part %d","titleIgnorePrefix":"Emma",`+
			`"authorName":"Jane Austen","publishedYear":"1815",`+
			`"description":"<p>She said: \"Every eye…\".<br\/>\nIt was a delightful visit; perfect, in being much too short.</p>",`+
			`"language":"en"},`, i)
		fmt.Fprintf(&b, `"tags":[],"numTracks":%d,"numAudioFiles":12,"duration":%d.905,"size":%d,`+
			`"coverPath":"/metadata/items/%d/cover.jpg"},"numFiles":13,"size":1}`,
			i%40, 30000+i%5000, 400000000+i, i)
	}
	fmt.Fprintf(&b, `],"total":%d,"limit":%d,"page":0}`, n, n)
	return b.Bytes()
}

var largeBody = sync.OnceValue(func() []byte { return itemsBody(largeItems) })

// selfSigned makes a certificate for this machine and writes it to path.
func selfSigned(path string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shelfbench"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return nil, err
	}
	// As Audiobookshelf itself: HTTP/1.1 only.
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"http/1.1"}}, nil
}

// trusted returns the certificates of a file.
func trusted(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("no certificate in " + path)
	}
	return pool, nil
}

// newReverseProxy is the standard library's proxy with nothing added.
func newReverseProxy() *cobra.Command {
	return &cobra.Command{
		Use:    "proxy-plain LISTEN URL CERTIFICATE",
		Short:  "A plain httputil.ReverseProxy, as `shelfbench proxy` compares with",
		Hidden: true,
		Args:   cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			to, err := url.Parse(args[1])
			if err != nil {
				return err
			}
			pool, err := trusted(args[2])
			if err != nil {
				return err
			}
			transport := http.DefaultTransport.(*http.Transport).Clone()
			transport.TLSClientConfig = &tls.Config{RootCAs: pool}
			s := &http.Server{
				Addr: args[0], ReadHeaderTimeout: time.Minute,
				Handler: &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }},
			}
			stop := context.AfterFunc(c.Context(), func() { _ = s.Close() })
			defer stop()
			if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
}
