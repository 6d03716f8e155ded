package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/library/playlist"
)

func newURL(e *env) *cobra.Command {
	var account, format string
	var number int
	c := &cobra.Command{
		Use:   "url WORDS|ITEM",
		Short: "Print an address at which any player plays a book, a podcast or an episode",
		Long: `Prints the address of a playlist: every audio file in order, at the local address.
Programs of your own user need nothing else. Others append ?token= and a grant of
"shelfkeeper players add"; the addresses in the playlist carry it too. With
?from=place a playlist begins with the file in which you are.

Formats: m3u8 and xspf are playlists, feed is a podcast's feed, cover its picture.`,
		Example: "  mpv \"$(shelfkeeper url low tide)\"\n  shelfkeeper url --format xspf \"One Long Night\"",
		Args:    someWords,
		RunE: func(c *cobra.Command, args []string) error {
			switch format {
			case "m3u8", "xspf", "feed", "cover":
			default:
				return usage(c, fmt.Errorf("--format: there are m3u8, xspf, feed and cover, not %q", shortened(format)))
			}
			found, item, err := e.one(c, account, args, number)
			if err != nil {
				return err
			}
			address, err := addressOf(c, found, item, format)
			switch {
			case err != nil:
				return err
			case e.json:
				return e.writeJSON(map[string]any{"url": address, "item": item})
			}
			_, err = fmt.Fprintln(e.stdout, address)
			return err
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().StringVar(&format, "format", "m3u8", "m3u8, xspf, feed or cover")
	c.Flags().IntVar(&number, "number", 0, "which one, if several have that name: its number in `search`")
	return c
}

// addressOf is where the local address has an item in that format.
func addressOf(c *cobra.Command, found control.SearchAnswer, item library.Item, format string) (string, error) {
	switch {
	case format == "cover":
		return found.ProxyURL + "/api/items/" + item.ID + "/cover", nil
	case item.Silent():
		return "", nothingToHear(item)
	case format == "feed" && item.Kind == library.Book:
		return "", usage(c, fmt.Errorf("%q is a book, which has no feed", item.Title))
	case format == "feed":
		return found.ProxyURL + playlist.FeedPath(item.ID), nil
	}
	return found.ProxyURL + playlist.Path(item, format), nil
}
