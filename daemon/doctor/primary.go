package doctor

import "slices"

// fault returns the fault that keeps a check with these needs from being asked, or
// "": the fault itself, or what another of them was not looked at for.
func (r *run) fault(ids []string) string {
	for _, f := range r.findings {
		switch {
		case !slices.Contains(ids, f.ID):
		case f.Verdict == Fault:
			return f.ID
		case f.Because != "":
			return f.Because
		}
	}
	return ""
}

// report marks consequences, and names what to mend first.
func (r *run) report() Report {
	out := Report{Server: r.base.String(), Release: r.status.Version, Findings: r.findings, Unseen: unseen}
	for i, f := range out.Findings {
		if f.Verdict != Fault || f.Because != "" {
			continue
		}
		out.Findings[i].Because = r.causeOf(f.ID)
	}
	out.Primary = primaryOf(out.Findings)
	return out
}

// follows names faults that another one brings about. The first cause that is
// there counts.
var follows = map[string][]string{
	"refresh-header":  {"api"},
	"websocket":       {"api"},
	"polling":         {"api"},
	"idle-socket":     {"api"},
	"ranges":          {"api"},
	"upload":          {"api"},
	"openid":          {"forwarded-proto", "api"},
	"forwarded-proto": {"api"},
	"session":         {"keychain", "disk", "refresh-header"},
}

// causeOf returns the fault that brings the fault of a check about, or "".
func (r *run) causeOf(id string) string {
	for _, cause := range follows[id] {
		if !slices.ContainsFunc(r.findings, func(f Finding) bool { return f.ID == cause && f.Verdict == Fault }) {
			continue
		}
		if id == "session" && !r.Session.explainedBy(cause) {
			continue
		}
		return cause
	}
	return ""
}

// worthMending are the checks whose note is named first where there is no fault: what
// the owner of a gateway can change at once.
var worthMending = []string{"forwarded-proto", "limiter-shared", "idle-socket", "polling", "upload", "buffering"}

// primaryOf returns the first fault that follows from no other, or the first note
// that is worth mending.
func primaryOf(findings []Finding) string {
	for _, f := range findings {
		if f.Verdict == Fault && f.Because == "" {
			return f.ID
		}
	}
	for _, f := range findings {
		if f.Verdict == Note && slices.Contains(worthMending, f.ID) {
			return f.ID
		}
	}
	return ""
}

// Finding returns what a check found.
func (r Report) Finding(id string) (Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		return Finding{}, false
	}
	return r.Findings[i], true
}

// Faulty reports whether anything does not work.
func (r Report) Faulty() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Verdict == Fault })
}
