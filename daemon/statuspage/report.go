package statuspage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/redact"
)

// reportLines is how much of the log a report holds.
const reportLines = 2000

// shownSettings are those whose values are no secret.
var shownSettings = []string{"page_port", "notifications", "icon_click", "store", "local_access", "listen_extra",
	"listen_extra_http", "listen_extra_cert", "extra_hosts",
	"trusted_origins", "user_agent", "log_level"}

// Examine asks the doctor, who needs nothing of the running account.
func (d acts) Examine(ctx context.Context, which string, long bool, progress func(string)) (doctor.Report, error) {
	return d.cfg.Disk.Examine(ctx, which, long, progress)
}

func (d acts) TailLog(out io.Writer, lines int) error {
	if err := d.cfg.TailLog(out, lines); !errors.Is(err, logbook.ErrNoLog) {
		return err
	}
	return nil
}

// Report writes the state, the record and the log, as a person can read them
// before they send them.
func (d acts) Report(ctx context.Context, to io.Writer, found []doctor.Report) error {
	var out bytes.Buffer
	snapshot := d.Snapshot()
	fmt.Fprintf(&out, "Shelfkeeper %s, %s/%s, %s, %s\n", snapshot.Version, runtime.GOOS, runtime.GOARCH, runtime.Version(),
		time.Now().UTC().Format(time.RFC3339))
	part := func(title string, value any) error {
		fmt.Fprintf(&out, "\n== %s\n", title)
		in := json.NewEncoder(&out)
		in.SetEscapeHTML(false)
		in.SetIndent("", " ")
		return in.Encode(value)
	}
	settings := map[string][]string{}
	for _, key := range shownSettings {
		if values, _ := d.Setting(key); len(values) > 0 {
			settings[key] = values
		}
	}
	err := errors.Join(part("state", snapshot), part("settings", settings))
	for _, a := range snapshot.Accounts {
		err = errors.Join(err, part("record of "+a.Name, d.History(a.Name)))
		if parts, gone := d.Gateway(ctx, a.Name); gone == nil {
			for i := range parts { // what it is called may be a name
				parts[i].For = nil
			}
			err = errors.Join(err, part("gateway of "+a.Name, parts))
		}
	}
	var others []string // servers that no account may have
	for _, report := range found {
		err = errors.Join(err, part("check-up", report))
		others = append(others, report.Server)
	}
	fmt.Fprintf(&out, "\n== log\n")
	err = errors.Join(err, d.TailLog(&out, reportLines))
	if err != nil {
		return fmt.Errorf("make a report: %w", err)
	}
	addresses := map[string][]string{}
	for _, a := range d.cfg.Book.All() {
		addresses[a.Name], _ = d.Setting("accounts", a.Name, "upstream", "addresses")
	}
	_, err = io.WriteString(to, nameless(redact.Text(out.String()), d.cfg.Book.All(), addresses, others))
	return err
}

// nameless takes the names of servers, users and accounts out of a text, and the
// addresses of other machines. addresses are further ones of an account's server, and
// others are servers without an account.
func nameless(text string, all []accounts.Account, addresses map[string][]string, others []string) string {
	var pairs []string
	take := func(name, kind string, i int) {
		if len(name) > 2 { // a shorter one stands in too many words
			pairs = append(pairs, name, fmt.Sprintf("%s-%d", kind, i+1))
		}
	}
	for i, a := range all {
		for _, address := range append([]string{a.Server}, addresses[a.Name]...) {
			if u, err := url.Parse(address); err == nil {
				take(u.Host, "server", i)
				take(u.Hostname(), "server", i)
			}
		}
		take(a.Name, "account", i)
		take(a.Alias, "account", i)
		take(a.Username, "user", i)
		take(a.UserID, "userid", i)
	}
	for i, address := range others {
		if u, err := url.Parse(address); err == nil {
			take(u.Host, "server", len(all)+i)
			take(u.Hostname(), "server", len(all)+i)
		}
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	known := map[netip.Addr]string{}
	return addressLike.ReplaceAllStringFunc(text, func(found string) string {
		ip, err := netip.ParseAddr(strings.TrimRight(found, ".:"))
		port := ""
		if err != nil {
			var both netip.AddrPort
			if both, err = netip.ParseAddrPort(found); err != nil {
				return found
			}
			ip, port = both.Addr(), fmt.Sprintf(":%d", both.Port())
		}
		if ip.IsLoopback() || ip.IsUnspecified() {
			return found
		}
		if known[ip] == "" {
			known[ip] = fmt.Sprintf("machine-%d", len(known)+1)
		}
		return known[ip] + port
	})
}

// addressLike is what may be an address of IPv4 or IPv6, with a port or without.
var addressLike = regexp.MustCompile(`\[[0-9A-Fa-f:.]+\](?::[0-9]+)?|[0-9A-Fa-f:.]{7,}`)
