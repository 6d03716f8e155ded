package desktop

import "fmt"

// HasScreen reports whether a browser could open.
func HasScreen() bool { return true }

// takeScheme: macOS hands addresses to application bundles only, which name
// their schemes in Info.plist (CFBundleURLTypes).
func takeScheme(scheme string, _ []string) (func() error, error) {
	return nil, fmt.Errorf("take %s: %w", scheme, ErrNoScheme)
}

func releaseScheme(string) error { return nil }

func schemeEntry() string { return "" }
