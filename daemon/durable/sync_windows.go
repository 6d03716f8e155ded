package durable

// syncDir does nothing: Windows offers no handle on which a directory could be
// flushed, and NTFS journals the rename itself.
func syncDir(string) error { return nil }
