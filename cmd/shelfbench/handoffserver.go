package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/dns/dnsmessage"

	"shelfkeeper/daemon/absfake"
)

// serverReady is what the server of a run says of itself.
type serverReady struct {
	Token string `json:"token"` // that never expires, for clients that cannot renew one
	File  string `json:"file"`  // path of what is streamed
	Sum   string `json:"sum"`
}

// tickEvery is how often the server tells something, so that a client's
// recovery can be seen to a tenth of a second.
const tickEvery = 100 * time.Millisecond

// newHandoffServer is the double in the server's namespace. It tells its user's
// sockets the time, ten times a second, and stops and starts as it is told on
// its input. A name is resolved for the client, once it is told to.
func newHandoffServer() *cobra.Command {
	run := func(c *cobra.Command, args []string) error {
		return serveHandoff(c.Context(), args[0], os.Stdin, os.Stdout)
	}
	return &cobra.Command{Use: "handoff-server ADDRESS", Hidden: true, Args: cobra.ExactArgs(1), RunE: run}
}

func serveHandoff(ctx context.Context, address string, in io.Reader, out io.Writer) error {
	fake, err := absfake.New(absfake.Config{
		LimiterMax: -1, Large: 24 << 20, Users: []absfake.User{{Name: "demo", Password: "demo", Type: "root"}},
	})
	if err != nil {
		return err
	}
	var listener net.Listener
	start := func() error {
		if listener, err = net.Listen("tcp", address); err != nil {
			return err
		}
		l := listener
		go func() { _ = fake.Serve(l) }() // it ends when l is closed
		return nil
	}
	if err := start(); err != nil {
		return errors.Join(err, fake.Close())
	}
	s := handoffServer{fake: fake}
	ready, err := s.ready()
	if err != nil {
		return errors.Join(err, fake.Close())
	}
	if err := json.NewEncoder(out).Encode(ready); err != nil {
		return errors.Join(err, fake.Close())
	}
	ticks, stopTicks := context.WithCancel(ctx)
	ticked := make(chan struct{})
	go func() { defer close(ticked); s.tick(ticks, ready.Token) }()
	defer func() { stopTicks(); <-ticked }()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch line := lines.Text(); line {
		case "stop":
			err = listener.Close()
			fake.Restart()
		case "start":
			err = start()
		case "names":
			err = s.names(ctx, address)
		default:
			err = fmt.Errorf("no command %q", line)
		}
		if err != nil {
			return errors.Join(err, fake.Close())
		}
		if _, err := fmt.Fprintln(out, time.Now().UnixMilli()); err != nil {
			break
		}
	}
	return fake.Close()
}

type handoffServer struct{ fake *absfake.Server }

// ask asks the double without any network.
func (s handoffServer) ask(method, path, token, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	s.fake.Handler().ServeHTTP(w, r)
	return w
}

func (s handoffServer) ready() (serverReady, error) {
	var in struct{ User struct{ Token string } }
	login := s.ask("POST", "/login", "", `{"username":"demo","password":"demo"}`)
	if json.Unmarshal(login.Body.Bytes(), &in) != nil || in.User.Token == "" {
		return serverReady{}, fmt.Errorf("sign in: %d", login.Code)
	}
	large := s.fake.Library().Large()
	r := serverReady{Token: in.User.Token, File: fmt.Sprintf("/api/items/%s/file/%s", large.ID, large.Files[0].Ino)}
	w := s.ask("GET", r.File, r.Token, "")
	if w.Code != http.StatusOK {
		return r, fmt.Errorf("read %s: %d", r.File, w.Code)
	}
	sum := sha256.Sum256(w.Body.Bytes())
	r.Sum = hex.EncodeToString(sum[:])
	return r, nil
}

func (s handoffServer) tick(ctx context.Context, token string) {
	path := "/api/me/progress/" + s.fake.Library().Tracks().ID
	every := time.NewTicker(tickEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			s.ask("PATCH", path, token, fmt.Sprintf(`{"currentTime":%.3f,"duration":1e10}`, float64(time.Now().UnixMilli())/1000))
		case <-ctx.Done():
			return
		}
	}
}

// names answers every question for an address with the server's own.
func (s handoffServer) names(ctx context.Context, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "53"))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	go func() {
		question := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			if answer, err := resolve(question[:n], net.ParseIP(host)); err == nil {
				_, _ = conn.WriteTo(answer, from) // it may be asked again
			}
		}
	}()
	return nil
}

func resolve(question []byte, ip net.IP) ([]byte, error) {
	var p dnsmessage.Parser
	head, err := p.Start(question)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: head.ID, Response: true, Authoritative: true})
	err = errors.Join(b.StartQuestions(), b.Question(q), b.StartAnswers())
	if v4 := ip.To4(); q.Type == dnsmessage.TypeA && v4 != nil {
		err = errors.Join(err, b.AResource(dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, dnsmessage.AResource{A: [4]byte(v4)}))
	}
	if err != nil {
		return nil, err
	}
	return b.Finish()
}
