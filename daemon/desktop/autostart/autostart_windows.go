package autostart

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"shelfkeeper/daemon/problem"
)

const (
	runKey      = `Software\Microsoft\Windows\CurrentVersion\Run`
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
	valueName   = "Shelfkeeper"
)

func runLine(p Plan) (string, error) {
	p.Program = Windowless(p.Program)
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return "", err
	}
	return p.runLine(filepath.Join(system, "conhost.exe"))
}

func turnOn(_ context.Context, p Plan) (why string, err error) {
	if p.Headless {
		return "", problem.Newf(problem.Usage, "leave --headless away", "a start without a login is not there on Windows")
	}
	line, err := runLine(p)
	if err != nil {
		return "", err
	}
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return "", fmt.Errorf("write the registry: %w", err)
	}
	defer k.Close()
	if err := k.SetStringValue(valueName, line); err != nil {
		return "", fmt.Errorf("write the registry: %w", err)
	}
	return "", deleteValue(approvedKey) // what the Task Manager turned off
}

func turnOff(context.Context) error {
	return errors.Join(deleteValue(runKey), deleteValue(approvedKey))
}

func deleteValue(path string) error {
	k, err := registry.OpenKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the registry: %w", err)
	}
	defer k.Close()
	if err := k.DeleteValue(valueName); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("write the registry: %w", err)
	}
	return nil
}

func look(_ context.Context, p Plan) (State, error) {
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read the registry: %w", err)
	}
	defer k.Close()
	line, _, err := k.GetStringValue(valueName)
	if errors.Is(err, registry.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read the registry: %w", err)
	}
	s := State{On: true, Method: RunKey, Path: `HKCU\` + runKey + `\` + valueName, Command: line}
	if want, err := runLine(p); err == nil {
		s.Current = line == want
	}
	if flag, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE); err == nil {
		defer flag.Close()
		if v, _, err := flag.GetBinaryValue(valueName); err == nil && !approved(v) {
			s.On = false
			s.Reason, s.Remedy = "the Task Manager turned it off", "run `shelfkeeper autostart on`"
		}
	}
	return s, nil
}
