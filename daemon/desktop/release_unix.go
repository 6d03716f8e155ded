//go:build !windows && !darwin

package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shelfkeeper/daemon/durable"
)

// maxChoices bounds the file of a user's choices of programs.
const maxChoices = 1 << 20

func schemeEntry() string {
	dir, err := userDir("XDG_DATA_HOME", ".local", "share")
	if err != nil {
		return ""
	}
	path := filepath.Join(dir, "applications", entryName)
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

// releaseScheme removes our entry, and what xdg-mime has written about it into the
// files of the user's choices (freedesktop.org, Association between MIME types and
// applications). The scheme itself does not matter: the entry is ours alone.
func releaseScheme(string) error {
	var errs []error
	for _, of := range []struct {
		variable string
		place    []string
		file     string
	}{
		{"XDG_CONFIG_HOME", []string{".config"}, "mimeapps.list"},
		{"XDG_DATA_HOME", []string{".local", "share"}, filepath.Join("applications", "mimeapps.list")},
	} {
		dir, err := userDir(of.variable, of.place...)
		if err == nil {
			err = forgetEntry(filepath.Join(dir, of.file))
		}
		errs = append(errs, err)
	}
	if path := schemeEntry(); path != "" {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// forgetEntry takes our entry out of a file of choices, and leaves the rest of it as
// it is.
func forgetEntry(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxChoices {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	without := withoutEntry(string(text))
	if without == string(text) {
		return nil
	}
	real, err := filepath.EvalSymlinks(path) // a link stays one
	if err != nil {
		return err
	}
	if err := durable.WriteFile(real, []byte(without), info.Mode().Perm()); err != nil {
		return fmt.Errorf("forget the choice of a program: %w", err)
	}
	return nil
}

// withoutEntry returns the choices without our entry. A line that named nothing else
// is gone.
func withoutEntry(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		names := strings.Split(value, ";")
		if !ok || strings.HasPrefix(strings.TrimSpace(line), "#") || !slices.ContainsFunc(names, isOurEntry) {
			out.WriteString(line)
			continue
		}
		names = slices.DeleteFunc(names, isOurEntry)
		if strings.Join(names, "") == "" {
			continue
		}
		out.WriteString(key + "=" + strings.Join(names, ";") + "\n")
	}
	return out.String()
}

func isOurEntry(name string) bool { return strings.TrimSpace(name) == entryName }
