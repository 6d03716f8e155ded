// Package mpris follows a media player over the session bus: what it plays, where it is,
// and whether it is heard (https://specifications.freedesktop.org/mpris-spec/latest/).
//
// It exists so that a program which knows nothing of Audiobookshelf can be reported. It
// asks a player and moves it to a place; it never starts or ends one.
package mpris
