package conformance

import (
	"context"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/absfake"
)

// Options narrow and change a replay; the zero value replays everything.
type Options struct {
	Groups []string              // nil: all
	Alter  func(*absfake.Config) // called with every server's configuration

	// Frames changes what a socket hears of the server, to see whether that is
	// noticed; "" keeps a frame from being heard. It is called from several
	// goroutines.
	Frames func(frame string) string
}

// Run replays the recordings, each group against a server of its own in a bubble
// of its own. It fails t only for what keeps it from replaying; differences are
// in the report.
func Run(t *testing.T, recordings []*Recording, o Options) *Report {
	report := &Report{}
	for _, rec := range recordings {
		for _, group := range rec.Groups() {
			if !o.wants(group) {
				continue
			}
			row := Row{Release: string(rec.Release()), Group: group}
			t.Run(string(rec.Release())+"/"+group, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if err := replay(t.Context(), rec, group, o, &row, report); err != nil {
						t.Errorf("%s %s: %v", rec.Server, group, err)
					}
				})
			})
			report.Rows = append(report.Rows, row)
		}
	}
	return report
}

func (o Options) wants(group string) bool {
	for _, g := range o.Groups {
		if g == group {
			return true
		}
	}
	return o.Groups == nil
}

// replay plays a group's cases in order.
func replay(ctx context.Context, rec *Recording, group string, o Options, row *Row, report *Report) (err error) {
	w, err := newWorld(rec, group, o.Alter)
	if err != nil {
		return err
	}
	w.frames = o.Frames
	sockets := newTranscripts(w)
	defer func() {
		sockets.close()
		if end := w.close(); err == nil {
			err = end
		}
	}()
	for i, c := range w.Cases {
		row.Cases++
		words := w.play(ctx, sockets, i)
		if reason := excepted(c); reason != "" {
			report.Exceptions = append(report.Exceptions, Excepted{row.Release, c.Name, reason})
			continue
		}
		row.Replayed++
		if len(words) == 0 {
			row.Equal++
			continue
		}
		report.Differences = append(report.Differences, Difference{row.Release, group, c.Name, words})
	}
	return nil
}

// play plays case i and says how it differs. What cannot be prepared is a
// difference too: the recorder could.
func (w *World) play(ctx context.Context, sockets transcripts, i int) (words []string) {
	c := w.Cases[i]
	if err := w.prelude(ctx, i); err != nil {
		words = append(words, "before it: "+err.Error())
	}
	if err := sockets.before(ctx, i); err != nil {
		words = append(words, "before it: "+err.Error())
	}
	switch c.Kind() {
	case Exchange:
		words = append(words, w.exchange(ctx, c)...)
		if c.Request.Path == "/init" && c.Response != nil && c.Response.Status == 200 {
			if err := w.createUsers(ctx); err != nil {
				words = append(words, "after it: "+err.Error())
			}
		}
	case Transcript:
		words = append(words, sockets.play(ctx, i)...)
	case Observation:
		words = append(words, w.observe(ctx, i)...)
	case Remark:
		if !w.died {
			words = append(words, "the server did not die of the request before")
		}
	}
	sockets.after(ctx, i)
	return words
}
