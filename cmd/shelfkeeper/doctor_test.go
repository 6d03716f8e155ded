package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/problem"
)

// With --report what was found goes into the file for a bug report, after it was said
// what is in it; without names and secrets.
func TestDoctorReport(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	file := filepath.Join(t.TempDir(), "report.zip")
	r := p.run("", "doctor", "--report", file, "--json")
	if r.code != problem.OK || !strings.Contains(r.stderr, "doctor.json") || !strings.Contains(r.stderr, "Look into it") ||
		!json.Valid([]byte(r.stdout)) {
		t.Fatalf("%d\n%s%s", r.code, r.stdout, r.stderr)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if in.Close(); err != nil || strings.Contains(string(text), "alice") || strings.Contains(string(text), password) {
			t.Errorf("%s: %v\n%s", f.Name, err, text)
		}
		if strings.HasSuffix(f.Name, "doctor.json") && !strings.Contains(string(text), `"id": "refresh-header"`) {
			t.Errorf("%s", text)
		}
	}
	if r := p.run("", "doctor", "--report", file); r.code != problem.Usage ||
		!strings.Contains(r.stderr, "name a file that does not exist yet") {
		t.Errorf("over a file: %d\n%s", r.code, r.stderr)
	}
}

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
	if session, there := report.Finding("session"); !there || session.Verdict != doctor.OK || len(report.Unseen) == 0 {
		t.Errorf("%v, %v", session, report.Unseen)
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
