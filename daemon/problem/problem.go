// Package problem holds errors for people: what is wrong, what to do about it,
// and the exit code for scripts. It crosses the control socket unchanged.
package problem

import (
	"errors"
	"fmt"
)

// Code is an exit code of the command line.
type Code int

// The exit codes. They are a promise to scripts and never change.
const (
	OK          Code = 0
	Usage       Code = 2
	Config      Code = 3
	Unreachable Code = 4 // the server is unreachable, or no Audiobookshelf
	Rejected    Code = 5 // the server refused the password or token
	Vault       Code = 6
	PortTaken   Code = 7
	Running     Code = 8 // another daemon is running already
	NeedsUser   Code = 9
	Offline     Code = 10  // an account waits for its server
	Interrupted Code = 130 // by Ctrl-C, as shells have it
	Other       Code = 1   // anything else
)

// Problem is an error with its exit code and remedy.
type Problem struct {
	Code   Code   `json:"code"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	// Condition is the id of the account's condition that this is about, if any.
	Condition string `json:"condition,omitempty"`
	cause     error
}

// New returns err as a Problem; remedy may be empty.
func New(code Code, err error, remedy string) *Problem {
	return &Problem{Code: code, Text: err.Error(), Remedy: remedy, cause: err}
}

// Newf is New with a text of its own; %w keeps a cause.
func Newf(code Code, remedy, format string, args ...any) *Problem {
	return New(code, fmt.Errorf(format, args...), remedy)
}

// Error returns the text without the remedy.
func (p *Problem) Error() string { return p.Text }

// Unwrap returns the cause, nil on the far side of a socket.
func (p *Problem) Unwrap() error { return p.cause }

// Of returns err as a Problem: itself if it is one, nil for nil, and otherwise
// one with code Other.
func Of(err error) *Problem {
	if err == nil {
		return nil
	}
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return New(Other, err, "")
}
