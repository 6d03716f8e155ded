//go:build mandoc

package main

import (
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Only a build with the tag "mandoc" writes manual pages: what formats them is
// no part of the program that people run.
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
}
