package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	intruderEnv = "SHELFKEEPER_TEST_INTRUDER"
	nobody      = 65534
)

// intrude is the child's part: it connects as another user and says how that went.
func intrude(path string) {
	conn, err := net.Dial("unix", path)
	if errors.Is(err, fs.ErrPermission) {
		fmt.Print("closed door")
		return
	}
	if err != nil {
		fmt.Print(err)
		return
	}
	defer conn.Close()
	req, err := http.NewRequest("GET", "http://"+hostName+"/v1/snapshot", nil)
	if err != nil {
		fmt.Print(err)
		return
	}
	req.Header.Set(versionHeader, "1")
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		fmt.Print(err)
		return
	}
	_ = resp.Body.Close()
	fmt.Print(resp.StatusCode)
}

func TestAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("starting a process of another user takes root")
	}
	as := func(uid uint32, path string) string {
		// By this name the child needs no way through the directories of the binary.
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
		// A child under the race detector would otherwise stay a second longer.
		cmd.Env = append(os.Environ(), intruderEnv+"="+path, "GORACE=atexit_sleep_ms=0")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.Output() // on stderr a coverage run complains that this user may not write
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	_, path, log := serve(t, newDouble())
	if got := as(0, path); got != "200" {
		t.Fatalf("our own child: %s", got)
	}
	if got := as(nobody, path); got != "closed door" {
		t.Errorf("the directory let another user through: %s", got)
	}
	// Somebody loosens the modes under a running daemon.
	if err := errors.Join(os.Chmod(filepath.Dir(path), 0o755), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	if got := as(nobody, path); got != "403" {
		t.Errorf("another user got %s", got)
	}
	if !strings.Contains(log.String(), "another user's process") || !strings.Contains(log.String(), fmt.Sprintf("uid=%d", nobody)) {
		t.Errorf("log: %s", log)
	}
}

func TestPeerOf(t *testing.T) {
	_, path, _ := serve(t, newDouble())
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if got := peerOf(conn); got != (peer{user: currentUser()}) {
		t.Errorf("open connection: %+v", got)
	}
	_ = conn.Close()
	if got := peerOf(conn); got.isSelf() {
		t.Errorf("closed connection: %+v", got)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if got := peerOf(a); got.isSelf() {
		t.Errorf("no socket: %+v", got)
	}
}
