package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Phrases by which a licence is known. A text that has none of them stops the
// release: somebody must read it first.
var licenceMarks = []struct{ id, phrase string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"BSD-3-Clause", "Neither the name of"},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software"},
	{"ISC", "Permission to use, copy, modify, and distribute this software"},
	{"MIT", "Permission is hereby granted, free of charge"},
}

func (m *module) readLicence() error {
	for _, name := range []string{"LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING", "LICENSE-MIT", "License"} {
		text, err := os.ReadFile(filepath.Join(m.Dir, name))
		if err != nil {
			continue
		}
		m.text = strings.ReplaceAll(string(text), "\r\n", "\n")
		flat := strings.Join(strings.Fields(m.text), " ")
		for _, mark := range licenceMarks {
			if strings.Contains(flat, mark.phrase) {
				m.licence = mark.id
				return nil
			}
		}
		return fmt.Errorf("%s: the licence in %s is not one that this program knows", m.Path, name)
	}
	return fmt.Errorf("%s has no licence file", m.Path)
}

// licences are the texts of all licences, once as a page and once in Debian's
// machine-readable form.
func (s *source) licences(all []module) (page, debian []byte) {
	var p, d strings.Builder
	own, err := os.ReadFile(filepath.Join(s.tree, "LICENSE"))
	if err != nil {
		own = []byte("MIT")
	}
	fmt.Fprintf(&p, "Shelfkeeper\n\n%s\n", own)
	d.WriteString("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: shelfkeeper\n\n")
	fmt.Fprintf(&d, "Files: *\nCopyright: 2026 The Shelfkeeper authors\nLicense: MIT\n%s\n", paragraph(string(own)))
	for _, m := range all {
		terms := paragraph(m.text)
		if m.licence == "Apache-2.0" { // Debian has this text on every machine
			terms = " On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0."
		}
		fmt.Fprintf(&p, "\n%s\n%s %s (%s)\n\n%s\n", strings.Repeat("-", 72), m.Path, m.Version, m.licence, strings.TrimSpace(m.text))
		fmt.Fprintf(&d, "\nComment: %s %s, linked into the program\nFiles: usr/bin/shelfkeeper\nCopyright: %s\nLicense: %s-%s\n%s\n",
			m.Path, m.Version, holder(m.text), m.licence, strings.NewReplacer("/", "-", "_", "-").Replace(m.Path), terms)
	}
	return []byte(p.String()), []byte(d.String())
}

// holder is the first line that names who holds the copyright.
func holder(text string) string {
	for line := range strings.Lines(text) {
		if l := strings.TrimSpace(line); strings.HasPrefix(l, "Copyright") && strings.ContainsAny(l, "0123456789") {
			return l
		}
	}
	return "its authors"
}

// paragraph indents a text as a field's continuation.
func paragraph(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, " \t\n")
		if line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
