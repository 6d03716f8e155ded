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
	return windowless(program, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.Mode().IsRegular()
	})
}

func windowless(program string, there func(string) bool) string {
	if beside := program[:strings.LastIndexAny(program, `\/`)+1] + windowlessName; there(beside) {
		return beside
	}
	return program
}

// hasConsole reports whether Windows opens a window for the program.
func hasConsole(program string) bool {
	return !strings.EqualFold(program[strings.LastIndexAny(program, `\/`)+1:], windowlessName)
}
