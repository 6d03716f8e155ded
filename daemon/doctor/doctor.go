// Package doctor examines the way from this machine to one Audiobookshelf
// server, and names the one fault that explains the others.
//
// It exists because "why am I signed out?" has many causes that nothing shows:
// a gateway that drops a header, a websocket that is cut, a certificate, a clock.
// Each check is a question that a person could ask by hand. None begins a
// session, changes anything, or sends a password or a token. What the gateway in
// front wants is sent as always. At most two requests of the server's sign-in
// limit are used.
//
// Begin with Examine, which asks every question about a Subject and returns a Report.
// What is wrong is a Finding in it, not an error.
package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
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
	Server  string `json:"server"`
	Release string `json:"release,omitempty"`
	// Primary is the id of the finding to mend first: the first fault that follows
	// from no other, or where there is none the first setting of the gateway that is
	// worth a change. Empty where all is well.
	Primary  string    `json:"primary,omitempty"`
	Findings []Finding `json:"findings"`
	// Unseen is what no client can see.
	Unseen []Advice `json:"unseen"`
}

// Subject is what is examined.
type Subject struct {
	// Up reaches the server as everything else does.
	Up *upstream.Upstream
	// Bare reaches it without the secrets of the gateway; nil where the gateway
	// wants none.
	Bare *upstream.Upstream
	// Account is named in remedies; empty where there is none yet.
	Account string
	// Spend counts a request of the server's sign-in limit. It returns how long that
	// request has to wait: a renewal must not lack what an examination used. Nil
	// where nothing is counted.
	Spend func() (wait time.Duration, err error)
	// Renewals returns what real renewals and sign-ins have shown. It may be nil.
	Renewals func() Renewals
	// Session is what is known of the account's session; nil for no account.
	Session *Session
	// Here are checks of this machine, which come first.
	Here []Check
	// State is a folder of this program's, whose disk is timed. Empty for none.
	State string
	// Long watches an idle live socket for five minutes.
	Long bool
	// Progress is told what is looked at. It may be nil.
	Progress func(what string)

	// Resolver and Dial replace the network in tests.
	Resolver upstream.Resolver
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	watch    time.Duration // how long an idle live socket is watched; 0 for as long as people wait
}

// Check is a question about this machine.
type Check struct {
	ID   string
	What string // in progress lines
	Look func(context.Context) Finding
}

// stepDeadline is how long one check may take.
const stepDeadline = 15 * time.Second

// run is one examination.
type run struct {
	Subject
	base        *url.URL
	begun       time.Time
	status      absapi.Status
	findings    []Finding
	spent       int              // requests of the sign-in limit
	limit       absapi.RateLimit // as the newest of them told
	limitAt     time.Time
	direct      bool              // no gateway left a trace on it
	as          *absapi.RateLimit // of the request that said from which address it came; nil for none
	local       netip.Addr        // the address of this machine from which the server is reached
	openID      string            // the address to which OpenID leads people back, as the server gave it
	socket      *watch            // the idle live socket; nil for none
	holds       bool              // a body that was announced did not reach the server
	multiplexed bool              // HTTP/2 is spoken
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
	{"redirect", "plain http beside https", []string{"dns", "connect", "tls"}, (*run).redirect},
	{"base-path", "the server's sub-folder", []string{"dns", "connect", "tls", "redirect"}, (*run).basePath},
	{"identity", "who answers", []string{"dns", "connect", "tls", "redirect", "base-path"}, (*run).identity},
	{"release", "the server's release", answered, (*run).release},
	{"clock", "the server's clock", answered, (*run).clock},
	{"api", "whether players' requests pass", answered, (*run).api},
	{"websocket", "the live socket", answered, (*run).websocket},
	{"polling", "long polling", answered, (*run).polling},
	{"refresh-header", "whether the renewal's header passes", answered, (*run).refreshHeader},
	{"sign-in", "how people sign in", answered, (*run).signIn},
	{"openid", "OpenID as it looks from here", answered, (*run).openid},
	{"exposure", "who can reach the sign-in", answered, (*run).exposure},
	{"limiter", "the server's limit of sign-ins", answered, (*run).limiter},
	{"limiter-shared", "who shares the limit of sign-ins", answered, (*run).limiterShared},
	{"forwarded-proto", "whether the server knows of https", answered, (*run).forwardedProto},
	{"web-page", "the server's own page", answered, (*run).webPage},
	{"ranges", "seeking in files", answered, (*run).ranges},
	{"upload", "the limit of uploads", answered, (*run).upload},
	{"buffering", "whether the gateway holds uploads back", answered, (*run).buffering},
	{"idle-socket", "how long an idle live socket is kept", append([]string{"websocket"}, answered...), (*run).idleSocket},
	{"session", "the session", nil, (*run).session},
	{"tokens", "how long tokens live", nil, (*run).tokens},
	{"api-key", "the age of the API key", nil, (*run).apiKey},
}

// answered is what a check needs that asks Audiobookshelf.
var answered = []string{"identity", "base-path", "redirect"}

// Examine asks every question. It ends early only with ctx, whose error it
// returns.
func Examine(ctx context.Context, s Subject) (Report, error) {
	r := &run{Subject: s, base: s.Up.Base(), begun: time.Now()}
	if r.Resolver == nil {
		r.Resolver = net.DefaultResolver
	}
	if r.Dial == nil {
		r.Dial = (&net.Dialer{Timeout: dialDeadline}).DialContext
	}
	defer func() { r.socket.close() }()
	_ = s.Up.Reload(ctx) // the proxy in use is known only then; the first request says what is wrong
	for _, c := range s.Here {
		r.look(ctx, check{id: c.ID, what: c.What, look: func(_ *run, ctx context.Context) Finding { return c.Look(ctx) }})
	}
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
		r.look(ctx, c)
	}
	return r.report(), ctx.Err()
}

// look asks one question. A finding without a verdict does not concern this server.
func (r *run) look(ctx context.Context, c check) {
	r.say(c.what)
	limit := stepDeadline
	if c.id == "idle-socket" {
		limit += r.watched()
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if f := c.look(r, ctx); f.Verdict != "" {
		f.ID = c.id
		r.findings = append(r.findings, f)
	}
}

func (r *run) say(what string) {
	if r.Progress != nil {
		r.Progress(what)
	}
}

// get asks the server without a secret. The body is read and closed; at most 4
// kB of it are kept in the answer.
func (r *run) get(ctx context.Context, path string, header http.Header) (*answer, error) {
	return r.send(ctx, http.MethodGet, path, header)
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
	remedy := o.Remedy
	if remedy == "" {
		remedy = "try again; if it stays so, look at the log of the server, or of the gateway before it"
	}
	return fault(r.named(remedy), "%s", o.Evidence)
}
