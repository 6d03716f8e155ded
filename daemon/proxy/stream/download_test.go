package stream_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

// seedVar repeats the downloads of another run.
const seedVar = "STREAM_SEED"

// A hundred downloads through cuts, stalls, refusals, restarts and expiring
// tokens: each is one answer to its player, and none lacks a byte.
func TestInterruptedDownloads(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv(seedVar); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seedVar, seed)
	var mu sync.Mutex
	resumed, held := uint64(0), uint64(0)
	t.Run("all", func(t *testing.T) {
		for i := range 100 {
			size := int64(4_000_000)
			if i%20 == 7 {
				size = 200_000_000
			}
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					st := download(t, rand.New(rand.NewPCG(seed, uint64(i))), size)
					mu.Lock()
					resumed, held = resumed+st.Resumed, held+st.Held
					mu.Unlock()
				})
			})
		}
	})
	t.Logf("%d continuations, %d requests held", resumed, held)
	if resumed < 50 || held < 5 {
		t.Errorf("%d continuations and %d held requests: the mishaps have not happened", resumed, held)
	}
}

// download fetches one file through a proxy and mishaps that r chooses.
func download(t *testing.T, r *rand.Rand, size int64) proxy.Stats {
	fake, err := absfake.New(absfake.Config{
		Release: absfake.RotatingReleases()[r.IntN(len(absfake.RotatingReleases()))], Large: size, LimiterMax: -1, AccessTTL: 15 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true, IdleConnTimeout: 4 * time.Second}
	session := proxytest.SignedIn(t, fake)
	s, err := proxy.New(proxy.Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example"}, Transport: transport, Tokens: session, Grants: &proxytest.Grants{},
		Identity: func() (string, []redact.Secret) { return session.UserID, session.All() }, OwnUID: 4711, PeerOf: proxytest.Me, Port: 13379,
	})
	if err != nil {
		t.Fatal(err)
	}
	near := proxytest.NewLane()
	if err := s.Use(near); err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve() }) // Close is its only end
	player := &http.Transport{DialContext: near.Dial, DisableCompression: true}
	defer func() {
		player.CloseIdleConnections()
		_ = s.Close(t.Context())
		transport.CloseIdleConnections()
		_ = fake.Close()
		served.Wait()
	}()
	ask := func(method, path, body string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:13379"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := player.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}

	book := fake.Library().Large()
	path := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	if r.IntN(2) == 0 { // by a playback session, which restarts end
		resp := ask("POST", "/api/items/"+book.ID+"/play", `{"forceDirectPlay":true}`)
		var session struct{ ID string }
		if err := json.NewDecoder(resp.Body).Decode(&session); err != nil || session.ID == "" {
			t.Fatal(resp.Status, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		path = "/public/session/" + session.ID + "/track/1"
	}
	mishaps := absfake.Mishaps(r, path, size, 1+r.IntN(8))
	for _, f := range mishaps {
		defer fake.Inject(f)()
	}
	defer fake.Inject(absfake.Fault{Kind: absfake.Rate, Bytes: size / 20})()

	resp := ask("GET", path, "")
	defer resp.Body.Close()
	got := sha256.New()
	n, err := io.CopyBuffer(struct{ hash.Hash }{got}, struct{ io.Reader }{resp.Body}, make([]byte, 256<<10))
	want := proxytest.Sum(t, book.Files[0])
	if err != nil || resp.StatusCode != http.StatusOK || n != size || [32]byte(got.Sum(nil)) != want {
		t.Errorf("%s %s %s, %d of %d bytes, %v\n%+v", path, resp.Status, resp.Header.Get("Shelfkeeper-Reason"), n, size, err, mishaps)
	}
	st := s.Stats()
	if st.Broken != 0 || st.Unauthorized != 0 || st.Withheld != 0 {
		t.Errorf("%+v", st)
	}
	return st
}
