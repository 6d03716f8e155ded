package upstream

import (
	"testing"
	"time"
)

// The worse a line is, the more questions must stay without an answer: so many that a
// verdict is wrong in one of a hundred thousand cases.
func TestQuestionsThatAreEnough(t *testing.T) {
	for _, c := range []struct {
		desc        string
		losses      Losses
		least, most int
	}{
		{"nothing is known", Losses{}, 3, 3},
		{"a good line", Losses{Lost: 3, Packets: 5000}, 2, 3},
		{"one packet was repeated on a young connection", Losses{Lost: 1, Packets: 12}, 3, 5},
		{"one in ten", Losses{Lost: 100, Packets: 1000}, 7, 8},
		{"three in ten", Losses{Lost: 300, Packets: 1000}, 16, 19},
		{"all", Losses{Lost: 1000, Packets: 1000}, 500, 5000},
	} {
		if n := c.losses.enough(); n < c.least || n > c.most {
			t.Errorf("%s: %d, not %d to %d", c.desc, n, c.least, c.most)
		}
	}
}

// What is unconfirmed is repeated in place of questions, and only what was repeated while
// the way was free counts. A connection that merely had nothing to say was not asked.
func TestUnanswered(t *testing.T) {
	began := time.Now()
	for _, c := range []struct {
		desc  string
		after time.Duration // since it is asked
		was   int           // how often the bytes under way had been repeated then
		signs Signs
		want  int
	}{
		{"just asked after a long rest", 0, 0, Signs{Silent: time.Hour}, 0},
		{"asked in vain", 2 * time.Second, 0, Signs{Silent: time.Hour}, 4},
		{"it answered meanwhile", 20 * time.Second, 0, Signs{Silent: 1600 * time.Millisecond}, 1},
		{"repeated in vain", 2 * time.Second, 2, Signs{Silent: time.Hour, Unconfirmed: true, Repeats: 7}, 5},
		{"other bytes", 2 * time.Second, 5, Signs{Silent: 2 * time.Second, Unconfirmed: true, Repeats: 1}, 1},
		{"nothing repeated since", 20 * time.Second, 6, Signs{Silent: time.Hour, Unconfirmed: true, Repeats: 6}, 0},
	} {
		q := &questioning{since: began, repeats: c.was}
		if n := q.unanswered(c.signs, began.Add(c.after)); n != c.want {
			t.Errorf("%s: %d, not %d", c.desc, n, c.want)
		}
	}
}
