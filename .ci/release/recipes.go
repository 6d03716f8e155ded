package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// template fills in a file of .ci/release/package.
func (s *source) template(name string) ([]byte, error) {
	return s.fill(name, nil)
}

func (s *source) fill(name string, sums map[string]string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.tree, ".ci", "release", "package", name))
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Delims("<<", ">>").Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"Version": s.version, "Commit": s.commit, "AppID": appID, "Date": s.when.Format("2006-01-02"), "Sum": sums,
	})
	return out.Bytes(), err
}

// writeRecipes writes the Homebrew formula and the Flatpak manifest, which
// name the archives by their sums. They are left out where an archive is.
func (s *source) writeRecipes(dist string) error {
	sums := map[string]string{}
	for _, t := range targets {
		name := fmt.Sprintf("shelfkeeper-%s-%s-%s.tar.gz", s.version, t.os, t.arch)
		data, err := os.ReadFile(filepath.Join(dist, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		sums[t.os+"_"+t.arch] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	for _, r := range []struct {
		name  string
		needs []string
	}{
		{"shelfkeeper.rb", []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"}},
		{appID + ".flatpak.yaml", []string{"linux_amd64"}},
	} {
		if missing := missingOf(r.needs, sums); len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "%s is left out: it names %s, not built\n", r.name, strings.Join(missing, ", "))
			continue
		}
		data, err := s.fill(strings.Replace(r.name, appID, "shelfkeeper", 1), sums)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dist, r.name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func missingOf(names []string, there map[string]string) (missing []string) {
	for _, n := range names {
		if there[n] == "" {
			missing = append(missing, n)
		}
	}
	return missing
}
