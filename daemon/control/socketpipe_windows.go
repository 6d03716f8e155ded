package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"shelfkeeper/daemon/problem"
)

// socketFile is the pipe. It has no file; it is gone when its listener is.
type socketFile struct{ path string }

func (socketFile) remove() error { return nil }

func (socketFile) there() bool { return true }

// pipeName is the name of the pipe that stands for the socket at path. Pipes have
// one name space for all users.
func pipeName(path, user string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(path))))
	return `\\.\pipe\shelfkeeper-` + user + "-" + hex.EncodeToString(sum[:8])
}

// bind makes the pipe, which its user alone may open, and listens. The system makes
// no second pipe of a name.
func bind(path string) (net.Listener, socketFile, error) {
	if err := checkPath(path); err != nil {
		return nil, socketFile{}, err
	}
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, socketFile{}, err
	}
	user := currentUser()
	name := pipeName(path, user)
	l, err := winio.ListenPipe(name, &winio.PipeConfig{
		// Nobody but this user, not even administrators: P keeps inherited rights out.
		SecurityDescriptor: "D:P(A;;GA;;;" + user + ")",
		InputBufferSize:    sendBuffer, OutputBufferSize: sendBuffer,
	})
	if err == nil {
		takeFirst(name)
		return pipeListener{l}, socketFile{path}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	conn, dialErr := winio.DialPipeContext(ctx, name)
	if dialErr != nil {
		if errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrExist) {
			return nil, socketFile{}, problem.Newf(problem.Config, "end the program that has it, or choose another runtime directory",
				"control pipe %s: %w: %v", name, ErrOccupied, err)
		}
		return nil, socketFile{}, fmt.Errorf("control pipe: %w", err)
	}
	defer conn.Close()
	if !peerOf(conn).isSelf() {
		return nil, socketFile{}, problem.Newf(problem.Config, "end the program that has it, or choose another runtime directory",
			"control pipe %s: %w: another user's program listens there", name, ErrOccupied)
	}
	return nil, socketFile{}, problem.Newf(problem.Running, "use the running one, or end it with `shelfkeeper quit`",
		"control pipe %s: %w", name, ErrRunning)
}

// acceptAll has nothing to wait for: a client of a pipe is connected once it is accepted.
func acceptAll(net.Listener) {}

// takeFirst takes the place of the first client at Wine. There the pipe's first
// instance, which go-winio only holds the name with, lets a client in that nobody
// would ever answer. Windows lets none in.
func takeFirst(name string) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if conn, err := winio.DialPipeContext(ctx, name); err == nil {
		_ = conn.Close()
	}
}

// dialSocket connects to the pipe that stands for path. Whoever listens there
// learns no more than who it is that calls.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	conn, err := winio.DialPipeContext(ctx, pipeName(path, currentUser()))
	if err != nil {
		return nil, err
	}
	return pipeConn{conn}, nil
}

// pipeConn and pipeListener are go-winio's, with a Close that is bounded.
type pipeConn struct{ net.Conn }

func (c pipeConn) Close() error { return closeWithin(c.Conn, closeWait) }

// Fd is the handle that peerOf asks about; 0 is none.
func (c pipeConn) Fd() uintptr {
	if pipe, ok := c.Conn.(interface{ Fd() uintptr }); ok {
		return pipe.Fd()
	}
	return 0
}

type pipeListener struct{ net.Listener }

func (l pipeListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return pipeConn{conn}, nil
}

func (l pipeListener) Close() error { return closeWithin(l.Listener, closeWait) }

// nobodyListens reports whether a connect's error proves that nobody listens.
func nobodyListens(err error) bool { return errors.Is(err, windows.ERROR_FILE_NOT_FOUND) }
