package doctor

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/upstream"
)

// bedHost is the name of the server in every bed.
const bedHost = "books.example.org"

// gatewayBed is one way in which a real gateway in front is set up, and what it is to be
// named for.
type gatewayBed struct {
	name       string
	cert       string // good, if not said
	plain      bool   // no TLS
	directives string // of the site
	location   string // of the sub-folder; "/" if not said
	passTo     string // the path that is passed on; none if not said

	scheme, path string // of the address; https and empty if not said
	public       bool   // the name has a public address
	others       int    // sign-ins of somebody else before

	primary string // what is to be mended first
	verdict Verdict
}

// testBeds runs the beds of one kind of gateway.
func testBeds(t *testing.T, program string, beds []gatewayBed, config func(b gatewayBed, dir string, port int, server string) string,
	whole func(sites []string) string, args func(dir string) []string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "bed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	certificates(t, dir)
	var sites []string
	servers := make([]string, len(beds))
	for i := range beds {
		servers[i] = strings.TrimPrefix(bedServer(t), "http://")
	}
	ports := freePorts(t, len(beds))
	for i, b := range beds {
		sites = append(sites, config(b, dir, ports[i], servers[i]))
	}
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(whole(sites)), 0o600); err != nil {
		t.Fatal(err)
	}
	startGateway(t, path, args(dir), dir, ports)
	// Each of them takes seconds in which nothing happens.
	reports, errs := make([]Report, len(beds)), make([]error, len(beds))
	var examined sync.WaitGroup
	for i, b := range beds {
		examined.Go(func() { reports[i], errs[i] = examineBed(t.Context(), b, dir, ports[i]) })
	}
	examined.Wait()
	for i, b := range beds {
		t.Run(b.name, func(t *testing.T) {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			compareGolden(t, program+"-"+strings.ReplaceAll(b.name, " ", "-"), reports[i])
			b.compare(t, reports[i])
		})
	}
}

// bedServer is a server of its own, so that no bed's sign-ins count with another's.
func bedServer(t *testing.T) string {
	t.Helper()
	fake, err := absfake.New(absfake.Config{BasePath: "/audiobookshelf"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(withPicture(fake.Handler()))
	t.Cleanup(func() {
		server.CloseClientConnections()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return server.URL
}

// lastPort counts from below the range that the system hands out by itself: no
// connection of anybody's takes a port before the gateway does.
var lastPort = 10_000 + rand.IntN(2_000)

// freePorts returns ports of which no two are the same.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range 1_000 {
		if len(ports) == n {
			return ports
		}
		lastPort++
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lastPort))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, lastPort)
	}
	t.Fatal("too few ports are free")
	return nil
}

// startGateway runs the program until the test ends, and waits until it listens.
func startGateway(t *testing.T, program string, args []string, dir string, ports []int) {
	t.Helper()
	var said bytes.Buffer
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // it is interrupted
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		<-ended
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for _, port := range ports {
		for {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				_ = conn.Close() // nothing was sent
				break
			}
			select {
			case <-tick.C:
			case <-ended:
				t.Fatalf("%s ended:\n%s", program, said.String())
			case <-late:
				t.Fatalf("%s does not answer: %v", program, err)
			}
		}
	}
}

// names answers as a name server would.
type names []netip.Addr

func (n names) LookupNetIP(_ context.Context, network, host string) (found []netip.Addr, err error) {
	for _, a := range n {
		if network == "ip" || a.Is4() == (network == "ip4") {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return found, nil
}

// toLoopback leads every dial to a port of this machine.
func toLoopback(ctx context.Context, network, addr string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 5)}} // another machine than the gateway's
	return d.DialContext(ctx, network, "127.0.0.1:"+port)
}

// examineBed examines one of them for a person who has signed in and renewed once.
func examineBed(ctx context.Context, b gatewayBed, dir string, port int) (Report, error) {
	scheme := b.scheme
	if scheme == "" {
		scheme = "https"
	}
	base, err := url.Parse(fmt.Sprintf("%s://%s:%d%s", scheme, bedHost, port, b.path))
	if err != nil {
		return Report{}, err
	}
	up, err := upstream.New(upstream.Policy{Base: base, CAFile: filepath.Join(dir, "ca.pem"), Dial: toLoopback})
	if err != nil {
		return Report{}, err
	}
	defer up.Close()
	person := &signedIn{}
	person.signIn(ctx, up)
	for range b.others {
		if err := signInElsewhere(ctx, dir, port); err != nil {
			return Report{}, err
		}
	}
	at := names{netip.MustParseAddr("127.0.0.1")}
	if b.public {
		at = names{netip.MustParseAddr("203.0.113.7")}
	}
	return Examine(ctx, Subject{Up: up, Account: "home", Resolver: at, Dial: toLoopback, Spend: person.spend, Renewals: person.renewals})
}

// compare holds a report against what the bed is to be named for.
func (b gatewayBed) compare(t *testing.T, r Report) {
	t.Helper()
	if r.Primary != b.primary {
		first, _ := r.Finding(r.Primary)
		t.Fatalf("primary %v, want %q", first, b.primary)
	}
	if b.primary == "" {
		return
	}
	f := finding(t, r, b.primary)
	want := b.verdict
	if want == "" {
		want = Fault
	}
	if f.Verdict != want || f.Remedy == "" || strings.Contains(f.Remedy, "NAME") {
		t.Errorf("%v", f)
	}
	for _, other := range r.Findings {
		if other.Verdict == Fault && other.ID != b.primary && other.Because == "" {
			t.Errorf("a second fault that follows from nothing: %v", other)
		}
	}
}
