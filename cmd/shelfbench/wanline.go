package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// lineDelay is one way; a round trip is 40 ms.
	lineDelay = 20 * time.Millisecond
	// lineRate is 20 Mbit/s each way, in bytes a second.
	lineRate = 20_000_000 / 8
	// linePiece is what is sent at a time: it occupies the line for 3 ms.
	linePiece = 8 << 10
	// lineQueue bounds the pieces of one connection that are under way: about what a
	// receive window holds.
	lineQueue = 48
	// lostAgain is how late a lost packet arrives: TCP repeats it after 200 ms and more.
	lostAgain = 250 * time.Millisecond
)

// wanLine is a long line between a gateway and its clients, made in user space: each
// piece arrives after its time on the wire and the delay. All connections share the
// rate. A connection takes a round trip until its first byte leaves, as TCP's does.
// It knows nothing of TCP's slow start.
type wanLine struct {
	listener net.Listener
	to       string
	stalls   float64 // the share of pieces that get lost, each of which holds its connection up
	up, down wire
	bytes    atomic.Int64

	mu      sync.Mutex
	open    map[net.Conn]struct{}
	running sync.WaitGroup
	cancel  context.CancelFunc
}

// wire is one direction. Pieces occupy it one after the other.
type wire struct {
	mu   sync.Mutex
	free time.Time
}

// arrives returns when n bytes that are sent now have arrived.
func (w *wire) arrives(n int) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); w.free.Before(now) {
		w.free = now
	}
	w.free = w.free.Add(time.Duration(n) * time.Second / lineRate)
	return w.free.Add(lineDelay)
}

func openLine(to string, stalls float64) (*wanLine, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &wanLine{listener: l, to: to, stalls: stalls, open: make(map[net.Conn]struct{}), cancel: cancel}
	w.running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			w.running.Go(func() { w.carry(ctx, near) })
		}
	})
	return w, nil
}

func (w *wanLine) addr() string { return w.listener.Addr().String() }

// carry is one connection.
func (w *wanLine) carry(ctx context.Context, near net.Conn) {
	begins := time.Now().Add(2 * lineDelay)
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.open[near], w.open[far] = struct{}{}, struct{}{}
	w.mu.Unlock()
	over := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
	var both sync.WaitGroup
	both.Go(func() { w.direction(near, far, &w.up, begins) })
	both.Go(func() { w.direction(far, near, &w.down, begins) })
	both.Wait()
	over()
	w.mu.Lock()
	delete(w.open, near)
	delete(w.open, far)
	w.mu.Unlock()
	_, _ = near.Close(), far.Close()
}

// piece is something under way; nil data is the end.
type piece struct {
	data []byte
	at   time.Time
	err  error
}

// direction carries what comes from one end to the other. What it ends with arrives
// late too.
func (w *wanLine) direction(from, to net.Conn, on *wire, begins time.Time) {
	under := make(chan piece, lineQueue)
	w.running.Go(func() {
		defer close(under)
		var last time.Time // a connection delivers in order
		for {
			buf := make([]byte, linePiece)
			n, err := from.Read(buf)
			if now := time.Now(); now.Before(begins) {
				time.Sleep(begins.Sub(now))
			}
			at := on.arrives(n)
			if n > 0 && w.stalls > 0 && rand.Float64() < w.stalls {
				at = at.Add(lostAgain)
			}
			if at.Before(last) {
				at = last
			}
			last = at
			w.bytes.Add(int64(n))
			under <- piece{buf[:n], at, err}
			if err != nil {
				return
			}
		}
	})
	for p := range under {
		time.Sleep(time.Until(p.at))
		if len(p.data) > 0 {
			if _, err := to.Write(p.data); err != nil {
				reset(from)
				for range under { // its reader ends with from
				}
				return
			}
		}
		switch {
		case p.err == nil:
		case errors.Is(p.err, io.EOF):
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
		default:
			reset(to)
		}
	}
}

// reset ends a connection as a packet for a connection that is gone does.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// cut ends all connections at once, as a change of the network does. New ones pass.
func (w *wanLine) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		reset(c)
	}
}

func (w *wanLine) close() error {
	err := w.listener.Close()
	w.cancel()
	w.running.Wait()
	if errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}
