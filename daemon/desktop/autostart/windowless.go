package autostart

import (
	"os"
	"runtime"
	"strings"
)

// windowlessName is the program for what nobody starts by hand: the same code as
// shelfkeeper.exe, linked for the GUI subsystem. Windows gives each console program
// that has no console a window.
const windowlessName = "shelfkeeperw.exe"

// Windowless returns the program to start where nobody looks at a console: the one
// without a window that lies beside, if it does. Only Windows has one.
func Windowless(program string) string {
	if runtime.GOOS != "windows" {
		return program
	}
	return windowless(program, isFile)
}

func windowless(program string, there func(string) bool) string {
	return beside(program, windowlessName, there)
}

// consoleName is the program for what a person types: the other one says nothing there.
const consoleName = "shelfkeeper.exe"

// Console is the opposite of Windowless: the program to type where it says something.
func Console(program string) string {
	if runtime.GOOS != "windows" {
		return program
	}
	return console(program, isFile)
}

func console(program string, there func(string) bool) string {
	if hasConsole(program) {
		return program
	}
	return beside(program, consoleName, there)
}

// beside returns the program of that name in the same folder, or else this one.
func beside(program, name string, there func(string) bool) string {
	if other := program[:strings.LastIndexAny(program, `\/`)+1] + name; there(other) {
		return other
	}
	return program
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// hasConsole reports whether Windows opens a window for the program.
func hasConsole(program string) bool {
	return !strings.EqualFold(program[strings.LastIndexAny(program, `\/`)+1:], windowlessName)
}
