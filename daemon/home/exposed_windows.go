package home

import "io/fs"

// exposed is false: a profile's files inherit an access list that keeps other users out.
func exposed(fs.FileMode) bool { return false }
