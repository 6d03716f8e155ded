package recordlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shelfkeeper/daemon/durable"
)

// keepDamaged gives the file at path a second name, so that it stays when the
// log is written anew, and returns that name. The file keeps its first name too:
// after a crash the next start finds everything as it was.
func keepDamaged(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	kept, err := filepath.Glob(escapeGlob(path) + ".damaged-*")
	if err != nil {
		return "", err
	}
	for _, name := range kept {
		if has, err := os.Stat(name); err == nil && os.SameFile(has, info) {
			return name, nil
		}
	}
	slices.Sort(kept) // by their time
	for _, name := range kept[:max(0, len(kept)-keptDamaged+1)] {
		if err := os.Remove(name); err != nil {
			return "", err
		}
	}
	name := fmt.Sprintf("%s.damaged-%s", path, time.Now().UTC().Format("20060102T150405.000000"))
	if err := os.Link(path, name); err == nil {
		return name, nil
	}
	// Some file systems have no hard links.
	return name, copyFile(path, name)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	err = durable.Write(to, 0o600, func(w io.Writer) error {
		_, err := io.Copy(w, io.LimitReader(in, maxFile))
		return err
	})
	return errors.Join(err, in.Close())
}

// escapeGlob returns a pattern that matches name alone.
func escapeGlob(name string) string {
	out := make([]byte, 0, len(name))
	for i := range len(name) {
		if c := name[i]; c == '*' || c == '?' || c == '[' || c == '\\' && os.PathSeparator != '\\' {
			out = append(out, '[', c, ']')
			continue
		}
		out = append(out, name[i])
	}
	return string(out)
}
