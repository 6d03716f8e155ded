package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
)

func newConfig(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Show the settings, where they lie, and whether they are in order",
		Args:  noArgs,
		RunE:  e.group,
	}
	c.AddCommand(
		&cobra.Command{Use: "path", Short: "Print where config.toml lies", Args: noArgs, RunE: func(*cobra.Command, []string) error {
			return e.configPath()
		}},
		&cobra.Command{Use: "check", Short: "Say whether the running or the next daemon can use config.toml", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error { return e.configCheck(c) }},
		&cobra.Command{Use: "show", Short: "Print every setting that holds, without values that are secret", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return e.configShow() }},
	)
	return c
}

func (e *env) configPath() error {
	paths, err := e.paths()
	if err != nil {
		return err
	}
	_, missing := os.Stat(paths.Config)
	if e.json {
		return e.writeJSON(map[string]any{"path": paths.Config, "exists": missing == nil, "state": paths.State})
	}
	_, err = fmt.Fprintln(e.stdout, paths.Config)
	return err
}

// configCheck does what a start does with the file, and changes nothing.
func (e *env) configCheck(c *cobra.Command) error {
	o, err := e.options(c.Context())
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.Paths.State); err == nil {
		h, err := home.Open(o)
		if err != nil {
			return err
		}
		e.clean = append(e.clean, func() { _ = h.Close() })
		if err := h.CheckConfig(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(o.Paths.Config); err != nil {
		return e.done("There is no %s: every setting is as it comes.", o.Paths.Config)
	}
	return e.done("%s is in order.", o.Paths.Config)
}

// configShow prints the settings as the next start would have them.
func (e *env) configShow() error {
	paths, err := e.paths()
	if err != nil {
		return err
	}
	cfg, trouble, err := config.LoadWith(paths.Config, paths.State)
	if err != nil {
		return problem.New(problem.Config, err, "")
	}
	if trouble != nil {
		fmt.Fprintln(e.stderr, "shelfkeeper:", trouble)
	}
	list := cfg.Shown()
	if e.json {
		return e.writeJSON(map[string]any{"path": paths.Config, "settings": list})
	}
	var out strings.Builder
	for _, s := range list {
		from := ""
		switch s.From {
		case config.FromFile:
			from = "  # config.toml"
		case config.FromPage:
			from = "  # status page"
		}
		fmt.Fprintf(&out, "%s = %s%s\n", s.Key, s.Value, from)
	}
	_, err = fmt.Fprint(e.stdout, out.String())
	return err
}
