package main

import (
	"fmt"
	"time"
)

// debianChangelog is the one entry that Debian's tools want. What changed for
// people stands in CHANGELOG.md.
func (s *source) debianChangelog() string {
	return fmt.Sprintf("shelfkeeper (%s) unstable; urgency=medium\n\n"+
		"  * What changed stands in CHANGELOG.md of the sources.\n\n"+
		" -- %s  %s\n", s.packageVersion(), maintainer, s.when.Format(time.RFC1123Z))
}
