package conformance

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// What of time is compared, and how closely: a recorded time holds what the
// recorder's machine took besides.
const (
	timed     = 1000 // milliseconds from which a frame's time is compared
	tolerance = 300 * time.Millisecond
)

// arrival is a frame of the server.
type arrival struct {
	text string
	at   time.Duration // since the upgrade request
}

// link is one WebSocket of the replay. Frames are taken by the goroutine of the
// World; another one reads, so that heartbeats are answered whatever is played
// meanwhile.
type link struct {
	conn   *websocket.Conn
	answer *http.Response
	err    error // of the handshake
	start  time.Time
	ended  chan struct{} // closed when nothing more will come
	code   int           // how it ended
	end    time.Duration // when, since the upgrade request

	pongs bool // heartbeats are answered
	beats bool // heartbeats are frames to be compared

	writing sync.Mutex
	mu      sync.Mutex
	queue   []arrival
	news    chan struct{} // has room for one
}

// connect opens a WebSocket. It returns a link in any case.
func (w *World) connect(ctx context.Context, url string, pongs, beats bool, header http.Header) *link {
	l := &link{start: time.Now(), ended: make(chan struct{}), news: make(chan struct{}, 1), pongs: pongs, beats: beats}
	d := websocket.Dialer{NetDialContext: w.Dial}
	l.conn, l.answer, l.err = d.DialContext(ctx, "ws"+strings.TrimPrefix(w.Origin, "http")+w.ours(url), header)
	if l.err != nil {
		l.code, l.end = websocket.CloseAbnormalClosure, time.Since(l.start)
		close(l.ended)
		return l
	}
	go l.read(w.frames)
	return l
}

func (l *link) read(alter func(string) string) {
	defer close(l.ended)
	for {
		_, data, err := l.conn.ReadMessage()
		if err != nil {
			l.code, l.end = websocket.CloseAbnormalClosure, time.Since(l.start)
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				l.code = closed.Code
			}
			return
		}
		text := string(data)
		if alter != nil {
			if text = alter(text); text == "" {
				continue
			}
		}
		if text == "2" && l.pongs {
			_ = l.send("3") // a socket that has closed is noticed above
		}
		if text == "2" && !l.beats {
			continue
		}
		l.mu.Lock()
		l.queue = append(l.queue, arrival{text, time.Since(l.start)})
		l.mu.Unlock()
		select {
		case l.news <- struct{}{}:
		default:
		}
	}
}

func (l *link) send(text string) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

func (l *link) sendBinary(data []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.conn.WriteMessage(websocket.BinaryMessage, data)
}

// take is the next frame, waited for until it comes, the link ends or the time
// is up.
func (l *link) take(wait time.Duration) (arrival, bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		l.mu.Lock()
		if len(l.queue) > 0 {
			a := l.queue[0]
			l.queue = l.queue[1:]
			l.mu.Unlock()
			return a, true
		}
		l.mu.Unlock()
		select {
		case <-l.news:
		case <-l.ended:
			l.mu.Lock()
			left := len(l.queue)
			l.mu.Unlock()
			if left == 0 {
				return arrival{}, false
			}
		case <-timer.C:
			return arrival{}, false
		}
	}
}

// over waits for the end of the link.
func (l *link) over(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-l.ended:
		return true
	case <-timer.C:
		return false
	}
}

func (l *link) close() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
	<-l.ended
}
