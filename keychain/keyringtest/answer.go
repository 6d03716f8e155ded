//go:build linux

package keyringtest

import (
	"context"
	"os/exec"
)

// Answer types the keyring's password, or another text, into the prompt on the
// screen and confirms it; the text "\x1b" dismisses the prompt. It needs xdotool.
func (k *Keyring) Answer(text string) {
	k.t.Helper()
	Need(k.t, "xdotool")
	// No window manager gives the window the focus.
	k.xdotool("search", "--sync", "--onlyvisible", "--class", "gcr-prompter", "windowfocus", "--sync")
	if text == "\x1b" {
		k.xdotool("key", "Escape")
		return
	}
	k.xdotool("type", "--delay", "20", text)
	k.xdotool("key", "Return")
}

// AnswerNew types a password twice, as a prompt for a new keyring wants it.
func (k *Keyring) AnswerNew(text string) {
	k.t.Helper()
	Need(k.t, "xdotool")
	k.xdotool("search", "--sync", "--onlyvisible", "--class", "gcr-prompter", "windowfocus", "--sync")
	k.xdotool("type", "--delay", "20", text)
	k.xdotool("key", "Tab")
	k.xdotool("type", "--delay", "20", text)
	k.xdotool("key", "Return")
}

func (k *Keyring) xdotool(args ...string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = k.env
	if out, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("answer the prompt: %v\n%s", err, out)
	}
}

// Password opens the throwaway keyring.
const Password = password
