package desktop

import (
	"os"
	"os/exec"
)

// appBrowsers show a page as an app, by --app.
var appBrowsers = []string{"Google Chrome", "Microsoft Edge", "Brave Browser", "Chromium", "Vivaldi"}

func appBrowser() (name string, ok bool) {
	for _, name := range appBrowsers {
		if _, err := os.Stat("/Applications/" + name + ".app"); err == nil {
			return name, true
		}
	}
	return "", false
}

func showApp(address string) error {
	name, ok := appBrowser()
	if !ok {
		return ErrNoApp
	}
	return exec.Command("/usr/bin/open", "-na", name, "--args", "--app="+address).Run()
}
