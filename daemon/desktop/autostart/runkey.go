package autostart

import (
	"strings"

	"shelfkeeper/daemon/problem"
)

// runLine returns the plan as a value of the registry's Run key. A console program
// would open a window at each login. conhost, which every Windows since 10 has,
// gives it a console that nobody sees.
func (p Plan) runLine(conhost string) (string, error) {
	command := p.command()
	if hasConsole(p.Program) {
		command = append([]string{conhost, "--headless"}, command...)
	}
	var words []string
	for _, arg := range command {
		if strings.Contains(arg, `"`) {
			return "", problem.Newf(problem.Usage, "give the program a plain path", "a quote in %s", arg)
		}
		switch {
		case strings.HasSuffix(arg, `\`) && strings.Contains(arg, " "):
			arg = `"` + arg + `\"` // a backslash before a quote is doubled
		case arg == "" || strings.ContainsAny(arg, " \t&^()"):
			arg = `"` + arg + `"`
		}
		words = append(words, arg)
	}
	line := strings.Join(words, " ")
	if len([]rune(line)) > runLineLimit {
		return "", problem.Newf(problem.Usage, "put the program and config.toml where the paths are shorter",
			"Windows starts no command longer than %d characters at login", runLineLimit)
	}
	return line, nil
}

// runLineLimit is that of a value in the Run key (Microsoft, "Run and RunOnce
// Registry Keys").
const runLineLimit = 260

// approved reports whether a value of StartupApproved lets the program start:
// the Task Manager turns one off by an odd first byte.
func approved(flag []byte) bool { return len(flag) == 0 || flag[0]&1 == 0 }
