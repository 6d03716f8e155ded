package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/history"
)

// Ten hours without a server are a handful of writes, and none of the record
// is lost when the program ends.
func TestOfflineWritesLittle(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.s.Close()
		path := filepath.Join(t.TempDir(), "history.json")
		log, err := history.Open(r.Context(), path)
		r.must(err)
		r.history = log
		r.start()
		r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		var before os.FileInfo
		writes := 0
		for range 10 * 60 {
			time.Sleep(time.Minute)
			info, err := os.Stat(path)
			if err == nil && (before == nil || !os.SameFile(info, before) || !info.ModTime().Equal(before.ModTime())) {
				writes++
			}
			before = info
		}
		if writes == 0 || writes > 12 {
			t.Errorf("the record of attempts was written %d times", writes)
		}
		r.s.Close()
		kept, err := history.Open(r.Context(), path)
		r.must(err)
		if a, b := log.Entries(), kept.Entries(); len(a) == 0 || len(a) != len(b) || a[len(a)-1].Count != b[len(b)-1].Count {
			t.Errorf("%d and %d entries", len(a), len(b))
		}
		r.start()
	})
}
