package bundle

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Versions says what runs, on what.
func Versions(version, commit string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "shelfkeeper %s %s\n%s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, file := range []string{"/etc/os-release", "/proc/sys/kernel/osrelease"} {
		if text, err := os.ReadFile(file); err == nil && len(text) < 4<<10 {
			fmt.Fprintf(&out, "\n%s:\n%s", file, text)
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		out.WriteString("\nmodules:\n")
		for _, m := range info.Deps {
			fmt.Fprintf(&out, "%s %s\n", m.Path, m.Version)
		}
	}
	return out.String()
}

// told are variables of a desktop whose values tell nothing of their user. Of the
// others only whether they are there counts.
var told = []string{"XDG_CURRENT_DESKTOP", "XDG_SESSION_DESKTOP", "XDG_SESSION_TYPE", "DESKTOP_SESSION", "LANG", "LC_ALL", "TERM",
	"NO_COLOR"}

var present = []string{
	"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "JOURNAL_STREAM",
	"INVOCATION_ID", "NOTIFY_SOCKET", "SSH_CONNECTION", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
	"SHELFKEEPER_PASSPHRASE", "SHELFKEEPER_PASSPHRASE_FILE",
}

// Desktop says what the environment tells of the desktop.
func Desktop() string {
	var out strings.Builder
	for _, name := range told {
		fmt.Fprintf(&out, "%s=%s\n", name, os.Getenv(name))
	}
	for _, name := range present {
		_, is := os.LookupEnv(name)
		fmt.Fprintf(&out, "%s: %s\n", name, map[bool]string{true: "set", false: "not set"}[is])
	}
	return out.String()
}

// maxFiles bounds the files that are listed.
const maxFiles = 500

// Files lists the files below a directory, without a look into them.
func Files(dir string) string {
	var out strings.Builder
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintf(&out, "%s: %v\n", path, err)
			return nil
		}
		if n++; n > maxFiles {
			return filepath.SkipAll
		}
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&out, "%s %9d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05Z"), path)
		}
		return nil
	})
	if err != nil {
		fmt.Fprintf(&out, "%v\n", err)
	}
	return out.String()
}
