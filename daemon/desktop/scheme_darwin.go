package desktop

import "fmt"

func hasScreen() bool { return true }

// takeScheme: macOS hands addresses to application bundles only, which name
// their schemes in Info.plist (CFBundleURLTypes).
func takeScheme(scheme string, _ []string) (func() error, error) {
	return nil, fmt.Errorf("take %s: %w", scheme, ErrNoScheme)
}
