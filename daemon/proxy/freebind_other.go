//go:build !linux

package proxy

import "net"

// listenEarly takes only addresses that are there: only Linux knows better.
var listenEarly net.ListenConfig
