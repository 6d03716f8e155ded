package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is one commit, checked out where nothing else changes it.
type source struct {
	root    string    // of the repository
	work    string    // a folder of this run
	tree    string    // the commit's files
	version string    // 1.2.3, or 1.2.3-4-gabcdef0 between tags
	commit  string    // its full hash
	when    time.Time // of the commit: the time of every file of the release
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = dir
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// checkOut takes HEAD of the repository around the working directory. What is
// not committed is not released, and is said.
func checkOut(ctx context.Context) (*source, error) {
	root, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	s := &source{root: root}
	if s.commit, err = git(ctx, root, "rev-parse", "HEAD"); err != nil {
		return nil, err
	}
	seconds, err := git(ctx, root, "log", "-1", "--format=%ct")
	if err != nil {
		return nil, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the time of the commit: %w", err)
	}
	s.when = time.Unix(unix, 0).UTC()
	if s.version, err = version(ctx, root); err != nil {
		return nil, err
	}
	if s.work, err = os.MkdirTemp("", "shelfkeeper-release-"); err != nil {
		return nil, err
	}
	s.tree = filepath.Join(s.work, "tree")
	if err := os.Mkdir(s.tree, 0o755); err != nil {
		return nil, err
	}
	archive := exec.CommandContext(ctx, "sh", "-c", `git -C "$1" archive HEAD | tar -x -C "$2"`, "sh", root, s.tree)
	if text, err := archive.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("git archive: %w: %s", err, text)
	}
	return s, nil
}

// version is that of the newest tag, with the distance to it. A repository
// without a tag is on its way to the version that the program names.
func version(ctx context.Context, root string) (string, error) {
	described, err := git(ctx, root, "describe", "--tags", "--match", "v[0-9]*", "--abbrev=7")
	if err == nil {
		return strings.TrimPrefix(described, "v"), nil
	}
	count, err := git(ctx, root, "rev-list", "--count", "HEAD")
	if err != nil {
		return "", err
	}
	hash, err := git(ctx, root, "rev-parse", "--short=7", "HEAD")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("0.1.0-%s-g%s", count, hash), nil
}

// packageVersion is the version as deb, rpm and Arch packages order it:
// 1.2.3-4-gabc is later than 1.2.3 and earlier than 1.2.4.
func (s *source) packageVersion() string {
	number, rest, between := strings.Cut(s.version, "-")
	if !between {
		return number
	}
	return number + "+" + strings.ReplaceAll(rest, "-", ".")
}

// distFolder empties the folder of the result. It refuses one that is not
// below the repository, since it deletes what is in it.
func (s *source) distFolder(name string) (string, error) {
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return "", fmt.Errorf("%q is not a folder below %s", name, s.root)
	}
	dist := filepath.Join(s.root, name)
	if err := os.RemoveAll(dist); err != nil {
		return "", err
	}
	return dist, os.MkdirAll(dist, 0o755)
}
