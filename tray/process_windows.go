package tray

import "os/exec"

// On Windows the child has nothing under it that must go with it: the browser
// it may have opened is the user's. It ends by itself when the daemon does.
func ownGroup(*exec.Cmd) {}

func askToEnd(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func killGroup(*exec.Cmd) {}
