package progress

import (
	"context"

	"shelfkeeper/daemon/memory"
)

const (
	// smallBody is larger than every report about one session or item.
	smallBody = 64 << 10
	// smallBodies and bulkBodies bound the bodies of reports that are in memory
	// at one time. Large bodies have a room of their own, so that they never
	// keep small ones waiting.
	smallBodies = 2 << 20
	bulkBodies  = 2 << 20
)

// Reserve waits until a body of n bytes may be read into memory, bounded by ctx.
// release is to be called when the report has been taken.
func (j *Journal) Reserve(ctx context.Context, n int64) (release func(), err error) {
	room, all := j.small, int64(smallBodies)
	if n > smallBody {
		room, all = j.bulk, bulkBodies
	}
	n = min(n, all)
	if err := room.Acquire(ctx, n); err != nil {
		return nil, err
	}
	if n <= smallBody {
		return func() { room.Release(n) }, nil
	}
	wasteful := memory.Frugal(bulkPercent)
	return func() { wasteful(); room.Release(n) }, nil
}

// bulkPercent is how much garbage may lie beside what is in use while a large
// body is worked on. Each of its entries makes some; at Go's default of 100 the
// process would grow by twice what is kept.
const bulkPercent = 20
