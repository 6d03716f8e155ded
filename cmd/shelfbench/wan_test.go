package main

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The line takes a round trip to connect and one to ask, and a cut ends what is open.
func TestLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	w, err := openLine(l.Addr().String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
		_ = l.Close()
		serving.Wait()
	}()
	began := time.Now() // the line counts from the moment at which it meets the connection
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trip := 2 * lineDelay
	for i, least := range []time.Duration{2 * trip, trip} {
		if i > 0 {
			began = time.Now()
		}
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < least-time.Millisecond {
			t.Errorf("question %d took %v, want at least %v", i+1, took, least)
		}
	}
	if n := w.bytes.Load(); n != 20 {
		t.Errorf("%d bytes on the line", n)
	}
	began = time.Now()
	large := bytes.Repeat([]byte("x"), 250_000) // 100 ms each way
	go func() { _, _ = c.Write(large) }()
	if _, err := io.ReadFull(c, make([]byte, len(large))); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 100*time.Millisecond+trip {
		t.Errorf("it carries too much: %v", took)
	}
	w.cut()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a cut ends nothing")
	}
}

func TestWanGoals(t *testing.T) {
	rows := []wanRow{
		{"direct", "node", "first-10s", 90, 90, 1000}, {"shelfkeeper", "node", "first-10s", 50, 50, 1000},
		{"direct", "nginx-h2", "first-10s", 45, 45, 1000}, {"shelfkeeper", "nginx-h2", "first-10s", 49, 49, 1001},
		{"direct", "node", "first-token", 130, 130, 1000}, {"shelfkeeper", "node", "first-token", 172, 172, 900},
		{"caddy", "node", "page", 10, 10, 10},
	}
	var missed []string
	for _, g := range wanGoals(rows) {
		if !g.Met {
			missed = append(missed, g.Name)
		}
	}
	want := []string{"first-10s nginx-h2: ms slower than direct", "first-10s nginx-h2: of direct's bytes"}
	if !slices.Equal(missed, want) {
		t.Errorf("missed %q", missed)
	}
	if svg := string(drawWan(rows)); !strings.Contains(svg, "first-10s, node") || strings.Count(svg, "<rect") != 1+len(rows) {
		t.Error(svg)
	}
}
