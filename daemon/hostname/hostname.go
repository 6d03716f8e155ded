// Package hostname brings the host of a server's address into one form, so that
// every part of the program compares and stores the same spelling. It asks no
// resolver.
package hostname

import "strings"

// Lower is host, with or without a port, as every spelling of it is compared.
// The zone of an IPv6 address is the name of an interface, which has its own
// case.
func Lower(host string) string {
	name, zone, ok := strings.Cut(host, "%")
	if !ok {
		return strings.ToLower(host)
	}
	return strings.ToLower(name) + "%" + zone
}
