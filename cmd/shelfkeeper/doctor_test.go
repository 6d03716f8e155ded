package main

import (
	"encoding/json"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/problem"
)

// The doctor is asked about an account, about an address before there is an
// account, and about what is neither; a fault is exit code 1.
func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{})
	p := newPlace(t)
	if r := p.run("", "doctor", s.url); r.code != problem.OK || !strings.Contains(r.stdout, "Nothing is wrong") {
		t.Errorf("an address: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	p.login(s)
	var report struct {
		Format int `json:"format"`
		doctor.Report
	}
	if err := json.Unmarshal([]byte(p.ok("", "doctor", "--json").stdout), &report); err != nil {
		t.Fatal(err)
	}
	if report.Format != jsonFormat || report.Primary != "" || report.Release == "" || len(report.Findings) < 10 {
		t.Errorf("%+v", report)
	}
	r := p.run("", "doctor", "http://127.0.0.1:9")
	if r.code != problem.Other || !strings.Contains(r.stdout, "Mend this first: connect") ||
		!strings.Contains(r.stdout, "not looked at, since connect") {
		t.Errorf("nobody there: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, wrong := range []string{"nosuch", "ftp://host", "https://"} {
		if r := p.run("", "doctor", wrong); r.code == problem.OK || r.code == problem.Other || !strings.Contains(r.stderr, "→") {
			t.Errorf("%s: %d\n%s%s", wrong, r.code, r.stdout, r.stderr)
		}
	}
}
