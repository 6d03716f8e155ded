package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/spf13/cobra"

	"shelfkeeper/wsconn"
)

// handoffPlayer is run by node with socket.io-client.
//
//go:embed handoffplayer.js
var handoffPlayer []byte

// said is one line of a client of the run.
type said struct {
	At        int64   `json:"at"` // ms since 1970, one clock for all: they run on one machine
	What      string  `json:"what"`
	Why       string  `json:"why,omitempty"`
	Timestamp float64 `json:"stamp,omitempty"` // of a tick: when the server told it, in s since 1970
	Bytes     int64   `json:"bytes,omitempty"`
	Sum       string  `json:"sum,omitempty"`
}

// speaker prints lines; several goroutines may speak.
type speaker struct{ mu sync.Mutex }

func (s *speaker) say(l said) {
	l.At = time.Now().UnixMilli()
	raw, _ := json.Marshal(l) // it always encodes
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = os.Stdout.Write(append(raw, '\n')) // whoever listens may be gone
}

// newHandoffGorilla is a client as a Go program writes it by itself: it reads
// with the deadline that the server's heartbeat allows, and connects again with
// socket.io-client's pauses.
func newHandoffGorilla() *cobra.Command {
	run := func(c *cobra.Command, args []string) error {
		var out speaker
		pause := time.Second
		for c.Context().Err() == nil {
			if gorillaOnce(c.Context(), &out, args[0], args[1]) {
				pause = time.Second
			}
			if err := wait(c.Context(), time.Duration(float64(pause)*(0.5+rand.Float64()))); err != nil {
				return nil
			}
			pause = min(2*pause, 5*time.Second)
		}
		return nil
	}
	return &cobra.Command{Use: "handoff-gorilla URL TOKEN", Hidden: true, Args: cobra.ExactArgs(2), RunE: run}
}

// gorillaOnce is one connection; it reports whether there was one.
func gorillaOnce(ctx context.Context, out *speaker, address, token string) bool {
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, address, nil)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	send := func(s string) { _ = conn.WriteMessage(websocket.TextMessage, []byte(s)) }
	defer out.say(said{What: "disconnect"})
	for {
		_ = conn.SetReadDeadline(time.Now().Add(45 * time.Second))
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return true
		}
		p, err := wsconn.Decode(frame)
		switch {
		case err != nil:
			return true
		case p.Engine == wsconn.EngineOpen:
			send("40")
		case p.Engine == wsconn.EnginePing:
			send("3")
		case p.Engine == wsconn.EngineMessage && p.Type == wsconn.Connect:
			out.say(said{What: "connect"})
			auth, _ := wsconn.EncodeEvent("auth", token)
			send(string(auth))
		}
		e, ok := p.Event()
		if !ok {
			continue
		}
		var user struct {
			MediaProgress []struct{ CurrentTime float64 }
		}
		if e.Name == "init" {
			out.say(said{What: "init"})
		}
		if e.Name == "user_updated" && e.First(&user) {
			timestamp := 0.0
			for _, m := range user.MediaProgress {
				timestamp = max(timestamp, m.CurrentTime)
			}
			out.say(said{What: "tick", Timestamp: timestamp})
		}
	}
}

// newHandoffStream reads an address at a steady rate, as a player does, until
// it is told to hurry, and says what it got.
func newHandoffStream() *cobra.Command {
	run := func(c *cobra.Command, args []string) error {
		var out speaker
		var hurry atomic.Bool
		go func() {
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
			hurry.Store(true)
		}()
		n, sum, err := readSteadily(c.Context(), args[0], args[1], &hurry, func(n int64) { out.say(said{What: "bytes", Bytes: n}) })
		end := said{What: "end", Bytes: n, Sum: sum}
		if err != nil {
			end.Why = err.Error()
		}
		out.say(end)
		return nil
	}
	return &cobra.Command{Use: "handoff-stream URL TOKEN", Hidden: true, Args: cobra.ExactArgs(2), RunE: run}
}

// streamRate is that of lossless audio.
const streamRate = 256 << 10

func readSteadily(ctx context.Context, address, token string, hurry *atomic.Bool, tell func(int64)) (n int64, sum string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, "", errors.New(resp.Status)
	}
	h := sha256.New()
	piece := make([]byte, streamRate/4)
	for {
		m, err := io.ReadFull(resp.Body, piece)
		h.Write(piece[:m])
		n += int64(m)
		tell(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF && n == resp.ContentLength {
			return n, hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return n, "", err
		}
		if !hurry.Load() {
			if err := wait(ctx, 250*time.Millisecond); err != nil {
				return n, "", err
			}
		}
	}
}
