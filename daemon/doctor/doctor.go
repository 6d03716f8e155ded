// Package doctor examines the way from this machine to one Audiobookshelf
// server, and names the one fault that explains the others.
//
// It exists because "why am I signed out?" has many causes that nothing shows:
// a gateway that drops a header, a websocket that is cut, a certificate, a clock.
// Each check is a question that a person could ask by hand. None begins a
// session, changes anything, or sends a password or a token. What the gateway in
// front wants is sent as always. One request of the server's sign-in limit is used.
package doctor

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/upstream"
)

// Verdict is what a check found.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Note    Verdict = "note"    // works; somebody may want to change it
	Fault   Verdict = "fault"   // does not work
	Unknown Verdict = "unknown" // could not be seen
)

// Finding is the result of one check.
type Finding struct {
	ID       string  `json:"id"`
	Verdict  Verdict `json:"verdict"`
	Evidence string  `json:"evidence"`
	Remedy   string  `json:"remedy,omitempty"`
	// Because is the id of the fault that this one follows from, or empty.
	Because string `json:"because,omitempty"`
}

// Report is everything that was found, in the order of the way: a later check
// needs what an earlier one looked at.
type Report struct {
	Server   string    `json:"server"`
	Release  string    `json:"release,omitempty"`
	Primary  string    `json:"primary,omitempty"` // the id of the fault to mend first
	Findings []Finding `json:"findings"`
}

// Subject is what is examined.
type Subject struct {
	// Up reaches the server as everything else does.
	Up *upstream.Upstream
	// Account is named in remedies; empty where there is none yet.
	Account string
	// Spend counts a request of the server's sign-in limit. It returns how long that
	// request has to wait: a renewal must not lack what an examination used. Nil
	// where nothing is counted.
	Spend func() (wait time.Duration, err error)
	// State is a folder of this program's, whose disk is timed. Empty for none.
	State string
	// Long adds checks that take minutes: how long an idle live socket is kept.
	Long bool
	// Progress is told what is looked at. It may be nil.
	Progress func(what string)
}

// stepDeadline is how long one check may take.
const stepDeadline = 15 * time.Second

// run is one examination.
type run struct {
	Subject
	base     *url.URL
	status   absapi.Status
	findings []Finding
	resolver *net.Resolver
}

// check is one question. A check whose needs have a fault is not asked: its
// answer would only repeat that fault.
type check struct {
	id    string
	what  string // in progress lines
	needs []string
	look  func(*run, context.Context) Finding
}

// checks are in the order of the way.
var checks = []check{
	{"disk", "the disk of this machine", nil, (*run).disk},
	{"proxy", "proxies in the environment", nil, (*run).proxies},
	{"dns", "the server's name", nil, (*run).dns},
	{"connect", "the connection", []string{"dns"}, (*run).connect},
	{"tls", "the certificate", []string{"dns", "connect"}, (*run).tls},
	{"encryption", "whether the way is encrypted", nil, (*run).encryption},
	{"identity", "who answers", []string{"dns", "connect", "tls"}, (*run).identity},
	{"release", "the server's release", []string{"identity"}, (*run).release},
	{"clock", "the server's clock", []string{"identity"}, (*run).clock},
	{"sign-in", "how people sign in", []string{"identity"}, (*run).signIn},
	{"api", "whether players' requests pass", []string{"identity"}, (*run).api},
	{"refresh-header", "whether the renewal's header passes", []string{"identity"}, (*run).refreshHeader},
	{"websocket", "the live socket", []string{"identity"}, (*run).websocket},
	{"ranges", "seeking in files", []string{"identity"}, (*run).ranges},
	{"upload", "the limit of uploads", []string{"identity"}, (*run).upload},
	{"idle-socket", "how long an idle live socket is kept", []string{"websocket"}, (*run).idleSocket},
}

// Examine asks every question. It ends early only with ctx, whose error it
// returns.
func Examine(ctx context.Context, s Subject) (Report, error) {
	r := &run{Subject: s, base: s.Up.Base(), resolver: net.DefaultResolver}
	for _, c := range checks {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		if because := r.fault(c.needs); because != "" {
			skipped := unknown("not looked at: it needs what fails before")
			skipped.ID, skipped.Because = c.id, because
			r.findings = append(r.findings, skipped)
			continue
		}
		if c.id == "idle-socket" && !s.Long {
			continue
		}
		if s.Progress != nil {
			s.Progress(c.what)
		}
		f := r.ask(ctx, c)
		f.ID = c.id
		r.findings = append(r.findings, f)
	}
	return r.report(), ctx.Err()
}

func (r *run) ask(ctx context.Context, c check) Finding {
	limit := stepDeadline
	if c.id == "idle-socket" {
		limit = longest + stepDeadline
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.look(r, ctx)
}

// fault returns the first of the named checks that found one, or what explains
// that it was not looked at.
func (r *run) fault(ids []string) string {
	for _, f := range r.findings {
		for _, id := range ids {
			switch {
			case f.ID != id:
			case f.Verdict == Fault:
				return f.ID
			case f.Because != "":
				return f.Because
			}
		}
	}
	return ""
}

// report names the first fault on the way as the primary one. Later ones may
// follow from it.
func (r *run) report() Report {
	out := Report{Server: r.base.String(), Release: r.status.Version, Findings: r.findings}
	for i, f := range out.Findings {
		if f.Verdict != Fault {
			continue
		}
		if out.Primary == "" {
			out.Primary = f.ID
		} else if out.Findings[i].Because == "" {
			out.Findings[i].Because = follows[[2]string{f.ID, out.Primary}]
		}
	}
	return out
}

// follows names faults that another one brings about.
var follows = map[[2]string]string{
	{"websocket", "api"}:      "api",
	{"ranges", "api"}:         "api",
	{"refresh-header", "api"}: "api",
}

func ok(format string, a ...any) Finding {
	return Finding{Verdict: OK, Evidence: fmt.Sprintf(format, a...)}
}

func note(remedy, format string, a ...any) Finding {
	return Finding{Verdict: Note, Evidence: fmt.Sprintf(format, a...), Remedy: remedy}
}

func fault(remedy, format string, a ...any) Finding {
	return Finding{Verdict: Fault, Evidence: fmt.Sprintf(format, a...), Remedy: remedy}
}

func unknown(format string, a ...any) Finding {
	return Finding{Verdict: Unknown, Evidence: fmt.Sprintf(format, a...)}
}

// obstacle is the fault that an error of the transport is.
func (r *run) obstacle(err error) Finding {
	o := absapi.ErrorObstacle(err)
	return fault(r.named(o.Remedy), "%s", o.Evidence)
}
