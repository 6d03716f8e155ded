package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// holder is how the program that took a port is named: this one.
func holder() string {
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		panic(err)
	}
	return regexp.QuoteMeta(fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), os.Getpid()))
}
