package playback

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// mpvFlags are what mpv is started with, before the user's own. The connection is opened
// again when it fails, for as long as a daemon needs to come back; a place that mpv has
// kept by itself must not win over the server's.
var mpvFlags = []string{
	"--idle=yes", "--ytdl=no", "--audio-display=no", "--resume-playback=no", "--save-position-on-quit=no", "--keep-open=no",
	"--stream-lavf-o=reconnect=1,reconnect_on_network_error=1,reconnect_on_http_error=503,reconnect_delay_max=60",
}

// killAfter is how long a player may take to end by itself.
const killAfter = 5 * time.Second

// mpv is a running mpv that is steered over its JSON protocol.
type mpv struct {
	cmd    *exec.Cmd
	conn   io.ReadWriteCloser
	events chan mpvEvent // closed when the connection has ended
	ended  chan struct{} // closed when the process has ended
	err    error         // of the process; read after ended
	write  sync.Mutex
}

// mpvEvent is what mpv says (https://mpv.io/manual/stable/#json-ipc).
type mpvEvent struct {
	Event   string          `json:"event"`
	Name    string          `json:"name"`
	Data    json.RawMessage `json:"data"`
	Reason  string          `json:"reason"`
	Entry   int             `json:"playlist_entry_id"`
	Failure string          `json:"file_error"`
	Error   string          `json:"error"`
	Request int             `json:"request_id"`
}

// startMPV starts mpv as a child that ends when this process does.
func startMPV(argv []string) (*mpv, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, append(append([]string{}, mpvFlags...), argv[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	conn, err := startWithIPC(cmd)
	if err != nil {
		return nil, err
	}
	m := &mpv{cmd: cmd, conn: conn, events: make(chan mpvEvent, 64), ended: make(chan struct{})}
	go func() {
		m.err = cmd.Wait()
		close(m.ended)
	}()
	go m.read()
	return m, nil
}

// maxLine bounds a line that mpv says: the list of a book's chapters is the longest.
const maxLine = 4 << 20

func (m *mpv) read() {
	defer close(m.events)
	lines := bufio.NewScanner(m.conn)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		var e mpvEvent
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			m.events <- e
		}
	}
}

// command sends a command with named arguments, whose order differs between releases.
func (m *mpv) command(request int, command any) error {
	raw, err := json.Marshal(map[string]any{"command": command, "request_id": request})
	if err != nil {
		return err
	}
	m.write.Lock()
	defer m.write.Unlock()
	_, err = m.conn.Write(append(raw, '\n'))
	return err
}

// loadRequest is the first id of the requests that load a track; others are below it.
const loadRequest = 1000

// load makes a playlist of the tracks from n on, and plays it from a moment of the first.
func (m *mpv) load(tracks []Track, titles []string, n int, at float64) error {
	for i := n; i < len(tracks); i++ {
		flags, start := "append", 0.0
		if i == n {
			flags, start = "replace", at
		}
		options := "start=" + strconv.FormatFloat(start, 'f', 3, 64) + ",pause=no"
		if titles[i] != "" {
			options += fmt.Sprintf(",force-media-title=%%%d%%%s", len(titles[i]), titles[i])
		}
		err := m.command(loadRequest+i, map[string]any{"name": "loadfile", "url": tracks[i].URL, "flags": flags, "options": options})
		if err != nil {
			return err
		}
	}
	return nil
}

// close ends mpv and waits for it.
func (m *mpv) close() error {
	_ = m.command(0, []string{"quit"}) // it may be gone
	timer := time.NewTimer(killAfter)
	defer timer.Stop()
	events := m.events
	for {
		select {
		case <-m.ended:
			_ = m.conn.Close()
			for range m.events {
			}
			var exit *exec.ExitError
			if errors.As(m.err, &exit) && exit.ExitCode() > 0 && exit.ExitCode() != quitByUser {
				return fmt.Errorf("%s ended with %w", m.cmd.Path, m.err)
			}
			return nil
		case <-timer.C:
			_ = m.cmd.Process.Kill() // its end is waited for
		case _, ok := <-events:
			if !ok { // it has no connection any more
				events = nil
				_ = m.conn.Close()
			}
		}
	}
}

// quitByUser is mpv's exit code after Ctrl-C.
const quitByUser = 4
