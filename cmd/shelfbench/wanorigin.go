package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/absfake"
)

const (
	wanFileSize = 64 << 20
	// wanItems make a list of about 7 MB.
	wanItems = 10_000
	// coverBytes is what the server's resized covers have.
	coverBytes = 16 << 10
	wanCovers  = 50
	// nodeIdle is when the server closes a connection that rests: Node announces
	// timeout=5 and closes a second later.
	nodeIdle = 6 * time.Second
)

// libraryCalls are what the web client asks for when it shows a library, by how many
// items the answer has.
var libraryCalls = []struct {
	path  string
	items int
}{
	{"/api/libraries", 1}, {"/api/libraries/bench?include=filterdata", 12}, {"/api/libraries/bench/personalized", 40},
	{"/api/libraries/bench/items?limit=50", 50}, {"/api/libraries/bench/filterdata", 12}, {"/api/libraries/bench/stats", 2},
	{"/api/libraries/bench/series?limit=20", 20}, {"/api/libraries/bench/collections", 5}, {"/api/libraries/bench/playlists", 3},
	{"/api/libraries/bench/authors", 15}, {"/api/libraries/bench/narrators", 6}, {"/api/libraries/bench/recent-episodes", 2},
	{"/api/tasks", 1}, {"/api/tags", 1}, {"/api/genres", 1}, {"/api/me/items-in-progress", 8}, {"/api/me/listening-stats", 10},
	{"/api/playlists", 3}, {"/api/collections", 5}, {"/api/me/progress", 8},
}

// wanOrigin is the double of the server, with a library of ten thousand books.
type wanOrigin struct {
	fake *absfake.Server
	http *http.Server
	addr string
	file string // path of what is streamed
}

func startWanOrigin(ttl time.Duration) (*wanOrigin, error) {
	fake, err := absfake.New(absfake.Config{
		LimiterMax: 1 << 20, AccessTTL: ttl, Large: wanFileSize,
		Users: []absfake.User{{Name: originUser, Password: originPassword, Type: "root"}},
	})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, fake.Close())
	}
	large := fake.Library().Large()
	o := &wanOrigin{fake: fake, addr: l.Addr().String(), file: "/api/items/" + large.ID + "/file/" + large.Files[0].Ino}
	o.http = &http.Server{Handler: wanHandler(fake.Handler()), IdleTimeout: nodeIdle, ReadHeaderTimeout: time.Minute}
	go func() { _ = o.http.Serve(l) }() // Close is its end
	return o, nil
}

func (o *wanOrigin) close() error { return errors.Join(o.http.Close(), o.fake.Close()) }

// signIn returns the tokens of a sign-in that no line carries.
func (o *wanOrigin) signIn() (access, refresh string, err error) {
	w := httptest.NewRecorder()
	body := fmt.Sprintf(`{"username":%q,"password":%q}`, originUser, originPassword)
	r := httptest.NewRequest("POST", "/login", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Return-Tokens", "true")
	o.fake.Handler().ServeHTTP(w, r)
	return tokensIn(w.Body.Bytes())
}

func tokensIn(body []byte) (access, refresh string, err error) {
	var in struct {
		User struct{ AccessToken, RefreshToken string }
	}
	if err := json.Unmarshal(body, &in); err != nil || in.User.AccessToken == "" {
		return "", "", fmt.Errorf("no tokens in the answer: %w", err)
	}
	return in.User.AccessToken, in.User.RefreshToken, nil
}

var wanList = sync.OnceValue(func() []byte { return itemsBody(wanItems) })

// wanHandler answers what is measured from memory.
func wanHandler(next http.Handler) http.Handler {
	calls := make(map[string][]byte)
	for _, c := range libraryCalls {
		calls[c.path] = itemsBody(c.items)
	}
	cover := make([]byte, coverBytes) // nothing packs a picture
	for i, chance := 0, rand.New(rand.NewPCG(1, 2)); i < len(cover); i++ {
		cover[i] = byte(chance.Uint32())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		body, known := calls[r.URL.RequestURI()]
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/items/") && strings.HasSuffix(r.URL.Path, "/cover"):
			h.Set("Content-Type", "image/webp")
			h.Set("Cache-Control", "private, max-age=86400")
			body = cover
		case r.URL.Path == listPath && r.URL.Query().Get("limit") == strconv.Itoa(wanItems):
			body = wanList()
		case !known:
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Connection", "keep-alive")
		h.Set("Keep-Alive", "timeout=5")
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json; charset=utf-8")
			h.Set("Etag", `W/"`+strconv.Itoa(len(body))+`"`)
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // whoever asked may be gone
	})
}
