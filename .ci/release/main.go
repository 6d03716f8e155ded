// Command release builds everything that a release consists of into dist/.
// It is a module of its own, so that what packs the program is no dependency
// of the program.
//
// The same commit gives the same bytes: the sources come from git, never from
// the working tree, every time is that of the commit, and every list is sorted.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
)

func main() {
	log.SetFlags(log.Ltime)
	only := flag.String("only", "", fmt.Sprintf("build only these, separated by commas: %v", targets))
	out := flag.String("out", "dist", "the folder of the result, below the project's root; it is emptied first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, *out, *only); err != nil {
		log.Fatal(err)
	}
}

// release builds the targets that only names, or all of them.
func release(ctx context.Context, out, only string) error {
	src, err := checkOut(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(src.work)
	dist, err := src.distFolder(out)
	if err != nil {
		return err
	}
	texts, err := src.texts(ctx)
	if err != nil {
		return fmt.Errorf("man pages, completions, licences: %w", err)
	}
	for _, t := range targets {
		if only != "" && !strings.Contains(","+only+",", ","+t.String()+",") {
			continue
		}
		log.Printf("%s: build", t)
		program, err := src.build(ctx, t, texts.icons)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		if err := src.pack(ctx, dist, t, program, texts); err != nil {
			return fmt.Errorf("%s: pack: %w", t, err)
		}
	}
	if err := src.writeRecipes(dist); err != nil {
		return fmt.Errorf("recipes: %w", err)
	}
	if err := writeSums(dist); err != nil {
		return err
	}
	log.Printf("%s %s is in %s", "shelfkeeper", src.version, dist)
	return nil
}
