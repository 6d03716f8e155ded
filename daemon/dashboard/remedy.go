package dashboard

import (
	"regexp"
	"strings"

	"shelfkeeper/daemon/health"
)

// gatewayCommand is what a remedy says to type about a gateway, at a sign-in or for an
// account. Its flags are the second part.
var gatewayCommand = regexp.MustCompile("`(?:shelfkeeper login|shelfkeeper account set) [^` ]+ (--[^`]+)`")

// fieldOfFlag is the part of a form that does what a flag does.
var fieldOfFlag = []struct{ flag, kind string }{
	{"--gateway authelia", "basic"}, {"--gateway", "header"}, {"--header", "header"}, {"--basic", "basic"}, {"--client-cert", "cert"},
	{"--client-p12", "cert"}, {"--ca", "ca"}, {"--pin", "pin"}, {"--proxy", "proxy"}, {"--user-agent", "agent"},
}

// inForm returns a remedy for somebody who looks at a form: commands about a gateway become
// the names of fields, in the words of a key. changed: there was such a command.
func inForm(remedy, key string) (words string, changed bool) {
	words = gatewayCommand.ReplaceAllStringFunc(remedy, func(command string) string {
		flags := gatewayCommand.FindStringSubmatch(command)[1]
		for _, f := range fieldOfFlag {
			if strings.Contains(flags, f.flag) {
				changed = true
				return text(key, text("gate."+f.kind))
			}
		}
		return command
	})
	return words, changed
}

// helpOf puts into a view what helps: in the page's own words where it has some, and with
// a button for what stands in a form of its own.
func helpOf(v *accountView, a health.Account) {
	if a.Level == health.OK {
		return
	}
	v.Remedy = textOr("remedy."+a.Condition, a.Remedy)
	first := action{Get: true, Strong: true}
	if words, changed := inForm(v.Remedy, "gate.flag.account"); mayPin(a) {
		v.Remedy = text("remedy.certificate")
		first.ID, first.Path, first.Label = "certificate-"+a.Name, accountPath(a.Name, "certificate"), text("act.certificate")
	} else if changed {
		v.Remedy = words
		first.ID, first.Path, first.Label = "gateway-"+a.Name, accountPath(a.Name, "gateway"), text("act.gateway.open")
	} else {
		return
	}
	v.Actions[0].Strong = false
	v.Actions = append([]action{first}, v.Actions...)
}
