package desktop

import (
	"os"
	"os/exec"
	"path/filepath"
)

// appBrowsers show a page as an app, by --app.
var appBrowsers = []string{`Microsoft\Edge\Application\msedge.exe`, `Google\Chrome\Application\chrome.exe`,
	`BraveSoftware\Brave-Browser\Application\brave.exe`, `Vivaldi\Application\vivaldi.exe`}

func appBrowser() (path string, ok bool) {
	for _, name := range appBrowsers {
		for _, root := range []string{"ProgramFiles", "ProgramFiles(x86)", "LocalAppData"} {
			path := filepath.Join(os.Getenv(root), name)
			if _, err := os.Stat(path); err != nil || !filepath.IsAbs(path) {
				continue
			}
			return path, true
		}
	}
	return "", false
}

func showApp(address string) error {
	path, ok := appBrowser()
	if !ok {
		return ErrNoApp
	}
	cmd := exec.Command(path, "--app="+address)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
