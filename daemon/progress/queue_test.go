package progress

import (
	"testing"

	"pgregory.net/rapid"
)

// A queue behaves like the sorted list that it stands for.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var q queue[*change]
		model := map[uint64]*change{}
		seq := uint64(0)
		for range rapid.IntRange(1, 400).Draw(rt, "moves") {
			switch rapid.IntRange(0, 3).Draw(rt, "move") {
			case 0, 1:
				seq += uint64(rapid.IntRange(1, 3).Draw(rt, "gap"))
				c := &change{Seq: seq, First: int64(rapid.IntRange(0, 50).Draw(rt, "first")), Count: 1 + int(seq%3)}
				q.push(c)
				model[seq] = c
			case 2:
				at := uint64(rapid.IntRange(0, int(seq)+1).Draw(rt, "at"))
				q.remove(at)
				delete(model, at)
			case 3:
				at := uint64(rapid.IntRange(0, int(seq)+1).Draw(rt, "at"))
				if was := model[at]; was != nil {
					is := &change{Seq: at, First: was.First, Count: was.Count + 1}
					q.replace(is)
					model[at] = is
				}
			}
		}
		reports, oldest := 0, int64(1<<62)
		for at := uint64(0); at <= seq+1; at++ {
			if q.get(at) != model[at] {
				rt.Fatalf("%d: got %v, want %v", at, q.get(at), model[at])
			}
			if c := model[at]; c != nil {
				reports += c.Count
				oldest = min(oldest, c.First)
			}
		}
		n, last := 0, uint64(0)
		for c := range q.all() {
			if c.Seq <= last || model[c.Seq] != c || q.from(last+1) != c {
				rt.Fatalf("%d after %d", c.Seq, last)
			}
			n, last = n+1, c.Seq
		}
		wrongTime := n > 0 && q.oldest().UnixMilli() != oldest || n == 0 && !q.oldest().IsZero()
		if n != len(model) || q.len() != n || q.reports != reports || wrongTime {
			rt.Fatalf("%d entries of %d, %d reports of %d, oldest %v of %d", n, len(model), q.reports, reports, q.oldest(), oldest)
		}
	})
}
