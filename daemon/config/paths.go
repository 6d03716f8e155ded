package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// dirName is the program's directory within each base directory.
const dirName = "shelfkeeper"

// ErrNoHome says that the environment does not tell where the user's files
// belong.
var ErrNoHome = errors.New("no home directory: set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME")

// Paths is where the program's files lie. A caller may replace any of them
// before use.
type Paths struct {
	Config  string // the file config.toml; its directory is never created
	State   string // directory: accounts, journals, grants, history, locks
	Runtime string // directory: instance lock and control socket; gone after a logout where the system has such a place
}

// UserPaths computes the paths from the environment as it is now. The rules of
// each system are github.com/adrg/xdg's; that package reads the environment
// once at start, so it is told to look again. Call UserPaths before anything
// runs concurrently.
//
// Without XDG_RUNTIME_DIR (always so on macOS and Windows) Runtime is a
// directory in State, since what xdg would guess need not exist.
func UserPaths() (Paths, error) {
	home, err := os.UserHomeDir()
	if (err != nil || !filepath.IsAbs(home)) && (fromEnv("XDG_CONFIG_HOME") == "" || fromEnv("XDG_STATE_HOME") == "") {
		return Paths{}, fmt.Errorf("find the user's files: %w", ErrNoHome) // xdg would take "/" for it
	}
	xdg.Reload()
	p := Paths{
		Config: filepath.Join(xdg.ConfigHome, dirName, "config.toml"),
		State:  filepath.Join(xdg.StateHome, dirName),
	}
	p.Runtime = filepath.Join(p.State, "run")
	if dir := fromEnv("XDG_RUNTIME_DIR"); dir != "" {
		p.Runtime = filepath.Join(dir, dirName)
	}
	return p, nil
}

// Create makes State and Runtime, each readable by the user alone, and refuses
// them as PrivateDir does.
func (p Paths) Create() error {
	for _, dir := range []string{p.State, p.Runtime} {
		if err := PrivateDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// fromEnv returns an absolute directory from the environment, or "": the
// specification wants relative ones ignored.
func fromEnv(name string) string {
	if dir := expandHome(os.Getenv(name)); filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return ""
}

// expandHome replaces a leading ~ that no shell has seen, as in a desktop's
// environment file or in config.toml.
func expandHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
