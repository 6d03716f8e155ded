package keychain

// Reopen returns another vault on what a Memory vault holds, as a process finds
// it that starts anew: key, journals and items are there, and nothing is known
// of them yet. Locks are not shared. Each of the two is closed for itself.
func (v *Vault) Reopen() *Vault {
	again := newVault(v.log)
	again.backend, again.files, again.store, again.disk = v.backend, v.files, v.store, v.disk
	return again
}
