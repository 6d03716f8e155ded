package dashboard

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"shelfkeeper/daemon/doctor"
)

const (
	// checkTimeout bounds an examination: each of its questions has 15 s. A long one
	// watches a live socket for five minutes more.
	checkTimeout     = 5 * time.Minute
	longCheckTimeout = 2 * checkTimeout
	// checkKept is how long a finding is of interest.
	checkKept = time.Hour
	// maxChecks bounds what is kept: accounts are few.
	maxChecks = 16
)

// checks are the examinations that run or have ended. One takes longer than a
// browser waits for a page.
type checks struct {
	moved Bell // rings when one has moved on

	mu   sync.Mutex
	list map[string]*checkRun
}

// checkRun is one examination.
type checkRun struct {
	Long    bool
	Running bool
	Step    string // what is looked at
	Report  *doctor.Report
	Err     error
	ended   time.Time
}

// of returns the examination of what a key stands for; none is the zero value.
func (c *checks) of(key string) checkRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.list[key]; one != nil {
		return *one
	}
	return checkRun{}
}

// start begins an examination, unless one of the same key runs. run starts a
// goroutine.
func (c *checks) start(ctx context.Context, key string, long bool, run func(func()),
	examine func(ctx context.Context, progress func(string)) (doctor.Report, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.list[key]; one != nil && one.Running {
		return
	}
	for other, one := range c.list {
		if !one.Running && (len(c.list) >= maxChecks || time.Since(one.ended) > checkKept) {
			delete(c.list, other)
		}
	}
	if c.list == nil {
		c.list = map[string]*checkRun{}
	}
	now := &checkRun{Long: long, Running: true}
	c.list[key] = now
	run(func() {
		limit := checkTimeout
		if long {
			limit = longCheckTimeout
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		report, err := examine(ctx, func(step string) { c.change(func() { now.Step = step }) })
		c.change(func() {
			now.Running, now.ended, now.Err = false, time.Now(), err
			if err == nil {
				now.Report = &report
			}
		})
	})
}

func (c *checks) change(edit func()) {
	c.mu.Lock()
	edit()
	c.mu.Unlock()
	c.moved.Ring()
}

// found returns what was found lately.
func (c *checks) found() (list []doctor.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(c.list)) {
		if one := c.list[key]; one.Report != nil && time.Since(one.ended) < checkKept {
			list = append(list, *one.Report)
		}
	}
	return list
}
