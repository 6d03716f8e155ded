//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Enabled reports whether this program can be killed at a point.
const Enabled = true

var (
	mu      sync.Mutex
	reached = map[string]int{}
	name, n = parse(os.Getenv(KillAt))
	path    = os.Getenv(Trace)
)

func parse(at string) (string, int) {
	name, count, found := strings.Cut(at, "#")
	if !found {
		return name, 1
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 {
		fmt.Fprintf(os.Stderr, "%s=%s names no point\n", KillAt, at)
		os.Exit(2)
	}
	return name, n
}

// Reached says that the program has come to a point.
func Reached(point string) {
	mu.Lock() // kept by a dying program: nobody gets further than the point
	reached[point]++
	write(point)
	if point == name && reached[point] == n {
		die()
	}
	mu.Unlock()
}

func write(point string) {
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, point)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		os.Exit(2)
	}
}

// die is kill -9: no deferred call, no closed file, no goodbye.
func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "die:", err)
		os.Exit(2)
	}
	select {}
}
