package autostart

import (
	"fmt"
	"strings"
)

// unitName is the systemd unit's.
const unitName = "shelfkeeper.service"

// credential is the name of the passphrase among a unit's credentials.
const credential = "passphrase"

// The targets that start the unit.
const (
	desktopTarget  = "graphical-session.target"
	headlessTarget = "default.target"
)

func (p Plan) target() string {
	if p.Headless {
		return headlessTarget
	}
	return desktopTarget
}

// unit returns the systemd unit of a plan.
//
// Only the daemon itself is ended, which ends its own children: a browser that
// the tray has opened lives in the unit's control group too, and must stay.
// For the same reason the death of a browser for want of memory is not the
// daemon's. Another start does not mend a mistake in the configuration (3) or a
// daemon that runs already (8). A mistake in the command line (2) is not among
// them, since a Go program that panics, or that the watchdog aborts, ends with
// 2 as well.
func (p Plan) unit() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# %s", mark)
	say("[Unit]")
	say("Description=Shelfkeeper, keeps you signed in to Audiobookshelf")
	if !p.Headless {
		say("PartOf=%s", desktopTarget)
		say("After=%s", desktopTarget)
	}
	say("")
	say("[Service]")
	say("Type=notify")
	say("ExecStart=%s", unitExec(p.command()))
	say("Restart=on-failure")
	say("RestartSec=5")
	say("RestartPreventExitStatus=3 8")
	say("WatchdogSec=60")
	say("TimeoutStopSec=20")
	say("KillMode=process")
	say("OOMPolicy=continue")
	if p.PassphraseFile != "" {
		say("LoadCredential=%s:%s", credential, strings.ReplaceAll(p.PassphraseFile, "%", "%%"))
		say("Environment=SHELFKEEPER_PASSPHRASE_FILE=%%d/%s", credential)
	}
	say("")
	say("[Install]")
	say("WantedBy=%s", p.target())
	return b.String()
}

// unitExec returns command as systemd.service(5) wants it: specifiers begin
// with a percent sign, variables with a dollar sign, and quotes are C's.
// systemd looks for no variable in the program's own path, and refuses a path
// with a quote or a backslash (string_is_safe), which env may start.
func unitExec(command []string) string {
	if strings.ContainsAny(command[0], quotes) {
		command = append([]string{"/usr/bin/env"}, command...)
	}
	var words []string
	for i, arg := range command {
		arg = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(arg)
		if i > 0 {
			arg = strings.ReplaceAll(arg, "$", "$$")
		}
		if arg == "" || strings.ContainsAny(arg, " ;"+quotes) {
			arg = `"` + arg + `"`
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// quotes are the characters that systemd takes in no path of a program.
const quotes = `"'\`

// value returns the value of the first line of text that sets key.
func value(text, key string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, key+"="); ok {
			return strings.TrimRight(v, "\r\n")
		}
	}
	return ""
}
