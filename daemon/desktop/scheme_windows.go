package desktop

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/windows/registry"
)

// HasScreen reports whether a browser could open.
func HasScreen() bool { return true }

// takeScheme writes to the user's own part of the registry, which needs no
// administrator.
func takeScheme(scheme string, command []string) (restore func() error, err error) {
	root := `Software\Classes\` + scheme
	run := root + `\shell\open\command`
	before, err := defaultOf(run)
	if err != nil {
		return nil, err
	}
	var line []string
	for _, arg := range command {
		if strings.ContainsAny(arg, `"`) {
			return nil, fmt.Errorf("take %s: %w: a quote in %s", scheme, ErrNoScheme, arg)
		}
		line = append(line, `"`+arg+`"`)
	}
	ours := strings.Join(line, " ") + ` -- "%1"`
	if before == ours {
		return func() error { return nil }, nil
	}
	err = errors.Join(setValue(root, "", "URL:"+scheme), setValue(root, "URL Protocol", ""), setValue(run, "", ours))
	if err != nil {
		return nil, fmt.Errorf("take %s: %w", scheme, err)
	}
	return func() error {
		if before == "" {
			return nil
		}
		return setValue(run, "", before)
	}, nil
}

func defaultOf(path string) (string, error) {
	k, err := registry.OpenKey(registry.CURRENT_USER, path, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the registry: %w", err)
	}
	defer k.Close()
	v, _, err := k.GetStringValue("")
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	return v, err
}

func setValue(path, name, value string) error {
	k, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("write the registry: %w", err)
	}
	defer k.Close()
	return k.SetStringValue(name, value)
}

// schemeMark is in every command that takeScheme is given.
const schemeMark = "openid-return"

func releaseScheme(scheme string) error {
	root := `Software\Classes\` + scheme
	run := root + `\shell\open\command`
	now, err := defaultOf(run)
	if err != nil || !strings.Contains(now, schemeMark) {
		return err
	}
	for _, key := range []string{run, root + `\shell\open`, root + `\shell`, root} { // a key goes when it has no other below
		if err := registry.DeleteKey(registry.CURRENT_USER, key); err != nil && !errors.Is(err, registry.ErrNotExist) {
			return fmt.Errorf("give %s back: %w", scheme, err)
		}
	}
	return nil
}

func schemeEntry() string { return "" }
