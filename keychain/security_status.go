package keychain

// securityStatus is what an exit status of macOS's /usr/bin/security means. It is the
// low byte of the Security framework's OSStatus, also in the interactive mode that
// go-keyring writes with: that one ends with the status of its last command.
func securityStatus(status int) opCode {
	switch status {
	case 36: // errSecInteractionNotAllowed, -25308: locked, and no session to ask in
		return opLocked
	case 44: // errSecItemNotFound, -25300
		return opNotFound
	case 37, 50, 53: // errSecNoDefaultKeychain, -25307; errSecNoSuchKeychain, -25294; errSecNotAvailable, -25291
		return opAbsent
	}
	return opDenied // 51 errSecAuthFailed, 128 errSecUserCanceled and the rest
}
