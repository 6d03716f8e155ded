package notify

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"
)

// Unregister removes what Windows' centre knows of this program.
func Unregister() error {
	err := registry.DeleteKey(registry.CURRENT_USER, `Software\Classes\AppUserModelId\`+toastApp)
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("take the messages' entry out of the registry: %w", err)
	}
	return nil
}
