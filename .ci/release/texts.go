package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

const appID = "io.github.shelfkeeper.shelfkeeper"

// texts are the parts of a release that are the same on every system.
type texts struct {
	manual      []file            // manual pages
	completions map[string][]byte // by shell
	licences    []byte            // the licence of every module in the program, in full
	copyright   []byte            // the same as Debian wants it
	changelog   []byte            // as Debian wants it, packed
	icons       icons
	modules     []module
}

// module is one module in the program.
type module struct {
	Path, Version, Dir string
	licence            string // its SPDX identifier
	text               string
}

func (s *source) texts(ctx context.Context) (*texts, error) {
	program := filepath.Join(s.work, "mandoc")
	if err := s.compile(ctx, target{runtime.GOOS, runtime.GOARCH}, program, "-tags", "mandoc"); err != nil {
		return nil, err
	}
	t := &texts{completions: map[string][]byte{}}
	pages := filepath.Join(s.work, "man")
	if err := os.Mkdir(pages, 0o755); err != nil {
		return nil, err
	}
	if _, err := s.run(ctx, program, "mandoc", pages); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("no manual pages"), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		t.manual = append(t.manual, file{filepath.Base(name), 0o644, data})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if t.completions[shell], err = s.run(ctx, program, "completion", shell); err != nil {
			return nil, err
		}
	}
	if t.icons, err = s.icons(ctx, program); err != nil {
		return nil, err
	}
	if t.modules, err = s.modules(ctx); err != nil {
		return nil, err
	}
	t.licences, t.copyright = s.licences(t.modules)
	t.changelog = zipped([]byte(s.debianChangelog()))
	return t, nil
}

func (s *source) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(s.when.Unix(), 10))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// zipped packs data without a name or a time.
func zipped(data []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level exists
	w.Write(data)                                           // a Buffer takes everything
	w.Close()
	return out.Bytes()
}

// modules are all that any target links, by path.
func (s *source) modules(ctx context.Context) ([]module, error) {
	seen := map[string]module{}
	flags, err := s.flags()
	if err != nil {
		return nil, err
	}
	tags := slices.DeleteFunc(flags, func(flag string) bool { return !strings.HasPrefix(flag, "-tags=") })
	for _, t := range targets {
		c := exec.CommandContext(ctx, "go", slices.Concat([]string{"list", "-deps", "-json=Module"}, tags, []string{"./cmd/shelfkeeper"})...)
		c.Dir = s.tree
		c.Env = append(cleanEnv(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		read := json.NewDecoder(bytes.NewReader(out))
		for {
			var p struct{ Module *module }
			if err := read.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module != nil && p.Module.Path != "shelfkeeper" {
				seen[p.Module.Path] = *p.Module
			}
		}
	}
	var all []module
	for _, m := range seen {
		if err := m.readLicence(); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}
