package conformance

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recordings are the project's extract, or those in the folder that
// ABS_RECORDINGS names.
func recordings(t *testing.T) []*Recording {
	t.Helper()
	load := Extract
	if dir := os.Getenv("ABS_RECORDINGS"); dir != "" {
		load = func() ([]*Recording, error) { return Load(dir) }
	}
	recs, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

func TestDoubleAnswersAsTheRecordedServers(t *testing.T) {
	report := Run(t, recordings(t), Options{})
	for _, d := range report.Differences {
		t.Errorf("%s %s:\n\t%q", d.Release, d.Name, d.Words)
	}
	for _, r := range report.Rows {
		t.Logf("%s %s: %d cases, %d replayed, %d equal", r.Release, r.Group, r.Cases, r.Replayed, r.Equal)
	}
	for _, release := range report.Releases() {
		if share := report.Share(release); share < 0.95 {
			t.Errorf("%s: %.1f %% of the recorded cases are replayed and equal, fewer than 95 %%", release, 100*share)
		}
	}
}
