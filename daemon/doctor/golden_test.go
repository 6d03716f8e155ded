package doctor

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const months = "January|February|March|April|May|June|July|August|September|October|November|December"

// fleeting is what differs from one run to the next.
var fleeting = []struct {
	is *regexp.Regexp
	to string
}{
	{regexp.MustCompile(bedHost + `:\d+`), bedHost + ":PORT"},
	{regexp.MustCompile(`\d{1,2} (` + months + `)( \d{4})?( \d\d:\d\d)?`), "DATE"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "DATE"},
	{regexp.MustCompile(`[0-9a-f]{64}`), "FINGERPRINT"},
	{regexp.MustCompile(`nginx/[0-9.]+`), "nginx/VERSION"},
	{regexp.MustCompile(`cut after \d+s`), "cut after Ns"},
}

func compareGolden(t *testing.T, name string, r Report) {
	t.Helper()
	r.Unseen = nil // the same for all
	var out bytes.Buffer
	if err := r.WriteText(&out, Style{}); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, f := range fleeting {
		got = f.is.ReplaceAllString(got, f.to)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./daemon/doctor -run %s -update writes it anew):\n%s", file, t.Name(), got)
	}
}
