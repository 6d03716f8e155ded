package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// rig is a client and a server in network namespaces of their own, with two
// links between them. One of them is up at a time unless told otherwise.
type rig struct {
	name   string
	v6     bool
	active int // the link that is up
	resolv string
	made   bool // it is complete: from then on IPv6 addresses are checked for duplicates
}

// links are the client's; the second one is preferred where both are up.
var links = [2]struct{ name, metric string }{{"wlan0", "600"}, {"eth0", "100"}}

func (r *rig) cli() string { return r.name + "c" }
func (r *rig) srv() string { return r.name + "s" }

// server is the server's address, which belongs to neither link.
func (r *rig) server() string {
	if r.v6 {
		return "fd00:99::1"
	}
	return "10.99.0.1"
}

// address is one end of a link, with its prefix; 1 is the server's.
func (r *rig) address(link, end int) string {
	if r.v6 {
		return fmt.Sprintf("fd00:%d::%d/64", link+1, end)
	}
	return fmt.Sprintf("10.%d.0.%d/24", link+1, end)
}

// run runs a program and tells what it said when it fails.
func run(ctx context.Context, line string) error {
	words := strings.Fields(line)
	if out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func runAll(ctx context.Context, lines ...string) error {
	for _, line := range lines {
		if err := run(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// newRig makes the namespaces, with the first link up.
func newRig(ctx context.Context, name string, v6 bool) (*rig, error) {
	r := &rig{name: name, v6: v6}
	lines := []string{
		"ip netns add " + r.cli(), "ip netns add " + r.srv(),
		"ip -n " + r.cli() + " link set lo up", "ip -n " + r.srv() + " link set lo up",
	}
	bits := "/32"
	if v6 {
		bits = "/128"
	}
	lines = append(lines, "ip -n "+r.srv()+" addr add "+r.server()+bits+" dev lo")
	for i, l := range links {
		far := fmt.Sprintf("s%d", i)
		lines = append(lines,
			fmt.Sprintf("ip link add %s netns %s type veth peer name %s netns %s", l.name, r.cli(), far, r.srv()),
			fmt.Sprintf("ip -n %s addr add %s dev %s%s", r.srv(), r.address(i, 1), far, r.unchecked()),
			fmt.Sprintf("ip -n %s link set %s up", r.srv(), far))
	}
	err := runAll(ctx, lines...)
	if err == nil {
		err = r.up(ctx, 0)
	}
	r.made = true
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// up takes a link up, with the address that it had.
func (r *rig) up(ctx context.Context, link int) error { return r.upAs(ctx, link, 2) }

// upAs takes a link up with the address that ends so.
func (r *rig) upAs(ctx context.Context, link, end int) error {
	l := links[link]
	via, _, _ := strings.Cut(r.address(link, 1), "/")
	r.active = link
	return runAll(ctx,
		fmt.Sprintf("ip -n %s link set %s up", r.cli(), l.name),
		fmt.Sprintf("ip -n %s addr replace %s dev %s%s", r.cli(), r.address(link, end), l.name, r.unchecked()),
		fmt.Sprintf("ip -n %s route replace default via %s dev %s metric %s", r.cli(), via, l.name, l.metric))
}

func (r *rig) unchecked() string {
	if r.v6 && !r.made {
		return " nodad"
	}
	return ""
}

// down takes a link down as losing the radio does: the address goes too.
func (r *rig) down(ctx context.Context, link int) error {
	return runAll(ctx,
		fmt.Sprintf("ip -n %s addr flush dev %s", r.cli(), links[link].name),
		fmt.Sprintf("ip -n %s link set %s down", r.cli(), links[link].name))
}

// blackhole drops, without a word and in both directions, everything of the
// connections that are there now; new ones pass.
func (r *rig) blackhole(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "ip", "netns", "exec", r.srv(), "ss", "-Htn", "state", "established").Output()
	if err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	var ports []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		ports = append(ports, f[3][strings.LastIndex(f[3], ":")+1:])
	}
	if len(ports) == 0 {
		return errors.New("there is no connection to drop")
	}
	set := strings.Join(ports, ", ")
	rules := fmt.Sprintf(`table inet hole {
	chain in { type filter hook input priority 0; tcp sport { %s } drop; }
	chain out { type filter hook output priority 0; tcp dport { %s } drop; }
}`, set, set)
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", r.srv(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("drop connections: %w: %s", err, out)
	}
	return nil
}

// nameOfRun tells the namespaces of this run from those of others.
func nameOfRun() string { return strconv.Itoa(os.Getpid() % 100000) }

func (r *rig) unblackhole(ctx context.Context) error {
	return run(ctx, "ip netns exec "+r.srv()+" nft delete table inet hole")
}

// resolveBy lets names in the client's namespace be resolved by the server's.
func (r *rig) resolveBy(server string) error {
	r.resolv = filepath.Join("/etc/netns", r.cli())
	if err := os.MkdirAll(r.resolv, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.resolv, "resolv.conf"), []byte("nameserver "+server+"\noptions timeout:1 attempts:1\n"), 0o644)
}

// command is a program within a namespace.
func (r *rig) command(ctx context.Context, namespace, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", namespace, program}, args...)...)
}

func (r *rig) close() error {
	ctx := context.Background() // it is to go in any case
	var errs []error
	if r.resolv != "" {
		errs = append(errs, os.RemoveAll(r.resolv))
	}
	return errors.Join(append(errs, run(ctx, "ip netns del "+r.cli()), run(ctx, "ip netns del "+r.srv()))...)
}
