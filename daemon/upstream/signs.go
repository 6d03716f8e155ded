package upstream

import (
	"fmt"
	"math"
	"syscall"
	"time"
)

const (
	// suspectAfter is the silence after which the kernel asks the other side.
	suspectAfter = time.Second
	// deadAfter is how long a dead connection was silent at least. It is longer than a line
	// stalls that merely hands over between two cells.
	deadAfter = 3100 * time.Millisecond
	// askEvery is how often the kernel is made to ask. answerEvery is how often the other
	// side answers at most (tcp_invalid_ratelimit of Linux).
	askEvery, answerEvery = 200 * time.Millisecond, 500 * time.Millisecond
	// mayBeWrong is how likely it may be that all questions got lost by chance.
	mayBeWrong = 1e-5
	// usualLosses are assumed of a line of which nothing is known: one packet in a hundred.
	usualLost, usualPackets = 0.5, 50
)

// Kernel is what the system knows of a connection and does for it. A connection of
// Policy.Dial may have its own.
type Kernel interface {
	// Signs reports false while the system cannot tell them.
	Signs() (Signs, bool)
	// AskOften(true) makes the system probe a silent peer once a second, and repeat
	// unconfirmed bytes soon. AskOften(false) restores the intervals of before.
	AskOften(often bool)
	// Ask makes the system send one more probe, now.
	Ask()
}

// kernelOf returns nil where the system does not tell enough.
func kernelOf(t *tracked) Kernel {
	if k, ok := t.Conn.(Kernel); ok {
		return k
	}
	return systemOf(t)
}

// Signs are what the kernel knows of a connection.
type Signs struct {
	Silent time.Duration // since anything came from the peer, answers to probes included
	// Unconfirmed: the peer has not confirmed all bytes. The kernel then repeats them, and
	// sends no probe. Repeats is how often it has repeated these bytes.
	Unconfirmed bool
	Repeats     int
	Losses      Losses // before the present silence
}

// Losses says how many of a connection's packets were lost.
type Losses struct{ Lost, Packets int }

func (l *Losses) add(m Losses) { l.Lost, l.Packets = l.Lost+m.Lost, l.Packets+m.Packets }

// enough returns how many questions in a row do not get lost by chance, with their
// answers, on a line with these losses: three on a good one, and a dozen or two where one
// packet in three gets lost.
func (l Losses) enough() int {
	rate := min((float64(l.Lost)+usualLost)/(float64(l.Packets)+usualPackets), 0.9)
	unanswered := 1 - (1-rate)*(1-rate)
	return int(math.Ceil(math.Log(mayBeWrong) / math.Log(unanswered)))
}

// questioning is what the kernel asks over a connection, while the way is free.
type questioning struct {
	kernel  Kernel
	since   time.Time
	last    time.Time // when it was last made to ask
	repeats int       // of the bytes under way, when it began
}

// silence is how long the connection has been silent although it was asked, or somebody
// waited. One that merely had nothing to say answers.
func (q *questioning) silence(s Signs, at time.Time) time.Duration {
	return min(s.Silent, at.Sub(q.since)+suspectAfter)
}

// unanswered returns how many questions in a row got no answer.
func (q *questioning) unanswered(s Signs, at time.Time) int {
	if !s.Unconfirmed {
		return int((q.silence(s, at) - suspectAfter) / answerEvery)
	}
	if s.Repeats < q.repeats { // these are other bytes
		q.repeats = 0
	}
	return s.Repeats - q.repeats
}

// errUnanswered is the end of a connection whose other side answers nothing.
var errUnanswered = fmt.Errorf("the other side answers nothing more, while new connections are made: %w", syscall.ETIMEDOUT)

// abandon ends a connection that is dead.
func (t *tracked) abandon() {
	t.dead.Store(true)
	t.network.abandoned.Add(1)
	_ = t.Close()
}

// Abandoned returns how many connections were found dead.
func (u *Upstream) Abandoned() int64 { return u.network.abandoned.Load() }
