//go:build mandoc

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"shelfkeeper/assets"
)

// Only a build with the tag "mandoc" writes what a package holds besides the
// program: manual pages and icons. What formats them is no part of the program
// that people run.
func init() {
	buildCommands = append(buildCommands, func() *cobra.Command {
		return &cobra.Command{Use: "mandoc DIR", Hidden: true, Args: oneArg("a folder"), RunE: func(c *cobra.Command, args []string) error {
			header := &doc.GenManHeader{Title: "SHELFKEEPER", Section: "1", Source: "Shelfkeeper " + version, Manual: "User Commands"}
			if seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
				when := time.Unix(seconds, 0).UTC()
				header.Date = &when
			}
			c.Root().DisableAutoGenTag = true
			return doc.GenManTree(c.Root(), header, args[0])
		}}
	})
	buildCommands = append(buildCommands, func() *cobra.Command {
		return &cobra.Command{Use: "icons DIR", Hidden: true, Args: oneArg("a folder"), RunE: func(_ *cobra.Command, args []string) error {
			for _, px := range []int{16, 22, 24, 32, 48, 64, 128, 256, 512} {
				name := filepath.Join(args[0], fmt.Sprintf("%d.png", px))
				if err := os.WriteFile(name, assets.PNG(assets.Application(px)), 0o644); err != nil {
					return err
				}
			}
			return os.WriteFile(filepath.Join(args[0], "scalable.svg"), []byte(assets.ApplicationSVG()), 0o644)
		}}
	})
}
