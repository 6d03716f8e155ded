package keychain

// Remembered returns the backend that the vault in dir has chosen, "" if none
// was chosen yet. It opens nothing and asks for nothing; its errors are
// ErrNewer, ErrUnreadable and the operating system's.
func Remembered(dir string) (Backend, error) {
	v := newVault(nil)
	v.files = &diskFiles{dir: dir}
	return v.remembered()
}
