package playback

import (
	"context"
	"time"
)

// reportEvery is how often a report is made while something is heard: what is lost with
// the machine is at most that much and the time of a report.
const reportEvery = 10 * time.Second

// reporter makes one report at a time, beside the events of a player.
type reporter struct {
	in      *Session
	track   *tracker
	tick    *time.Ticker // when to report
	reports chan error   // how a report went, for reported
	busy    bool
	heard   time.Duration // what the report under way says
}

func newReporter(in *Session, track *tracker) *reporter {
	return &reporter{in: in, track: track, tick: time.NewTicker(reportEvery), reports: make(chan error, 1)}
}

// report begins a report, if there is something to say and none is under way.
func (r *reporter) report(ctx context.Context) {
	if r.busy || r.track.unsaid <= 0 {
		return
	}
	r.busy, r.heard = true, r.track.unsaid
	at, heard := r.track.at, r.heard
	go func() { r.reports <- r.in.Report(context.WithoutCancel(ctx), at, heard) }()
}

// reported is told how a report went.
func (r *reporter) reported(err error) {
	if r.busy = false; err == nil {
		r.track.said(r.heard)
	}
}

// close waits for the report under way.
func (r *reporter) close() {
	r.tick.Stop()
	if r.busy {
		r.reported(<-r.reports)
	}
}
