// Package entry quotes values for desktop files, as the Desktop Entry
// Specification of freedesktop.org demands. It exists so that a path with a
// space, a quote or a percent sign is started, and nothing else is.
package entry

import "strings"

// Exec returns command as the value of the key Exec.
func Exec(command []string) string {
	args := make([]string, 0, len(command))
	for _, arg := range command {
		args = append(args, quote(arg))
	}
	return strings.Join(args, " ")
}

// quote quotes an argument where it must be quoted. A plain path stays plain,
// since xdg-open takes quotes for a part of the name.
func quote(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	if !strings.ContainsAny(s, " \t\n\"'\\><~|&;$*?#()`") && s != "" {
		return s
	}
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(s)
	return strings.ReplaceAll(`"`+s+`"`, `\`, `\\`) // a string value escapes backslashes once more
}
