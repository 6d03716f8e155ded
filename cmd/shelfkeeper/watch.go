package main

import (
	"fmt"
	"slices"
	"time"

	"shelfkeeper/daemon/health"
)

// watcher shows each change of the status.
func (e *env) watcher(full bool) func(health.Snapshot) error {
	if full || e.json {
		return e.writeStatus
	}
	shown := map[string]string{}
	return func(s health.Snapshot) error {
		for _, line := range changes(shown, s, e.colours()) {
			if _, err := fmt.Fprintf(e.stdout, "%s  %s\n", time.Now().Format("15:04:05"), line); err != nil {
				return err
			}
		}
		return nil
	}
}

// changes says what differs between a snapshot and what was shown before, a line
// each, and notes it in shown.
func changes(shown map[string]string, s health.Snapshot, colours bool) (lines []string) {
	now := map[string]string{"": "Shelfkeeper: no account yet → run `shelfkeeper login URL`"}
	names := []string{""}
	if len(s.Accounts) > 0 {
		now[""], names = "", nil
	}
	for _, a := range s.Accounts {
		names = append(names, a.Name)
		line := fmt.Sprintf("%s: %s", a.Name, painted(a.Level, colours))
		if a.Reason != "" {
			line += ": " + a.Reason
		}
		if a.Remedy != "" {
			line += " → " + a.Remedy
		}
		now[a.Name] = line
	}
	for _, name := range names {
		if now[name] != shown[name] {
			lines = append(lines, now[name])
		}
	}
	for name := range shown {
		if name != "" && !slices.Contains(names, name) {
			lines = append(lines, name+": signed out")
			delete(shown, name)
		}
	}
	for name, line := range now {
		shown[name] = line
	}
	return lines
}
