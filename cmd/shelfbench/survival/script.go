package survival

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// kind is what happens to the machine, the network, the server or the user.
type kind int

const (
	listening kind = iota // the user plays something: a burst of requests
	handoff               // from one network to another
	sleep                 // of the whole machine
	restart               // of the client's process, orderly
	crash                 // of the client's process, at once
	outage                // of the server, or of what stands before it
)

// disruption is what an outage looks like from the client.
type disruption int

const (
	clear   disruption = iota
	refused            // connections are refused, those that live are reset
	silence            // nothing comes back
	gateway            // a gateway's 502 page
	portal             // a captive portal's page, with status 200
	missing            // a gateway's 404 page, as while a container is replaced
)

// hard reports whether nothing gets through at all.
func (w disruption) hard() bool { return w == refused || w == silence }

// event is one line of a script.
type event struct {
	at    time.Duration // since the start
	kind  kind
	lasts time.Duration
	// inRotation: it waits for the client's next rotation and strikes within
	// it, at this share of the way from the request to the durable answer.
	inRotation bool
	share      float64
	silent     bool // the connections that die of it say nothing; else they are reset
	delayed    bool // the client asked for a moment before this sleep, and had it
	disruption disruption
	requests   []time.Duration // of a burst, since its start
}

// Each day has so many of them.
const (
	burstsADay   = 8
	handoffsADay = 5
	restartsADay = 3
	outagesADay  = 3
)

// script is what happens in one run, the same for every client and release.
func script(seed uint64, weeks int) []event {
	chance := rand.New(rand.NewPCG(seed, 0x5e1f))
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(chance.Float64()*float64(most-least))
	}
	// spread goes from seconds to hours without the hours hiding the seconds.
	spread := func(least, most time.Duration) time.Duration {
		return time.Duration(float64(least) * math.Exp(chance.Float64()*math.Log(float64(most)/float64(least))))
	}
	coin := func() bool { return chance.IntN(2) == 0 }
	var all []event
	for day := range 7 * weeks {
		dawn := time.Duration(day) * 24 * time.Hour
		waking := func() time.Duration { return dawn + between(7*time.Hour, 23*time.Hour) }
		add := func(e event) {
			e.share, e.silent = chance.Float64(), coin()
			all = append(all, e)
		}
		inNight := coin() // half of the sleeps are placed inside a rotation
		add(event{at: waking(), kind: sleep, lasts: spread(3*time.Minute, 2*time.Hour), inRotation: !inNight})
		add(event{at: dawn + between(23*time.Hour, 24*time.Hour), kind: sleep, lasts: between(6*time.Hour, 8*time.Hour), inRotation: inNight})
		add(event{at: waking(), kind: crash, lasts: spread(2*time.Second, 10*time.Minute), inRotation: (day+int(seed))%2 == 0})
		for range handoffsADay {
			add(event{at: waking(), kind: handoff, lasts: between(200*time.Millisecond, 8*time.Second)})
		}
		for range restartsADay {
			add(event{at: waking(), kind: restart, lasts: between(time.Second, 20*time.Second)})
		}
		for range outagesADay {
			add(event{
				at: dawn + between(0, 24*time.Hour), kind: outage, lasts: spread(3*time.Second, 3*time.Hour),
				disruption: refused + disruption(chance.IntN(int(missing-refused)+1)),
			})
		}
		for range burstsADay {
			// A program that opens asks for several things at once, and goes on
			// more slowly.
			requests := []time.Duration{0, 0, 0}
			for range 5 + chance.IntN(20) {
				requests = append(requests, between(0, 3*time.Minute))
			}
			add(event{at: waking(), kind: listening, requests: requests})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return int(a.at - b.at) })
	return all
}

// Events is how often each thing happened.
type Events struct {
	Bursts            int `json:"bursts"`
	Handoffs          int `json:"handoffs"`
	Sleeps            int `json:"sleeps"`
	SleepsInRotation  int `json:"sleeps_in_rotation"`
	Crashes           int `json:"crashes"`
	CrashesInRotation int `json:"crashes_in_rotation"`
	Restarts          int `json:"restarts"`
	Outages           int `json:"outages"`
	AnswersLost       int `json:"answers_lost"` // of rotations, besides
}

func (n *Events) add(e event) {
	within := 0
	if e.inRotation {
		within = 1
	}
	switch e.kind {
	case handoff:
		n.Handoffs++
	case sleep:
		n.Sleeps++
		n.SleepsInRotation += within
	case crash:
		n.Crashes++
		n.CrashesInRotation += within
	case restart:
		n.Restarts++
	case outage:
		n.Outages++
	}
}
