package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/problem"
)

func newSearch(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "search WORDS",
		Short: "Find books, podcasts and episodes by words of their title, author or series",
		Long: `Finds what the account can hear: books by words of their title, author, narrator
or series, podcasts by their title or author, episodes by their title. "shelfkeeper
play" and "shelfkeeper url" take the same words, the id in the last column, or the
address of an item's page.`,
		Example: "  shelfkeeper search low tide\n  shelfkeeper play quill lighthouse",
		Args:    someWords,
		RunE: func(c *cobra.Command, args []string) error {
			found, err := e.search(c.Context(), account, args)
			switch {
			case err != nil:
				return err
			case e.json:
				return e.searchJSON(found)
			case len(found.Items) == 0:
				return nothingFound(args)
			}
			return e.showFound(found.Found)
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	return c
}

// searchJSON prints what was found. The exit code says whether that is anything, as it
// does for a person.
func (e *env) searchJSON(found control.SearchAnswer) error {
	if err := e.writeJSON(found); err != nil {
		return err
	}
	if len(found.Items) == 0 {
		return saidAlready{problem.Other}
	}
	return nil
}

// someWords are one or more arguments that are read as one text.
func someWords(c *cobra.Command, args []string) error {
	if strings.TrimSpace(strings.Join(args, "")) == "" {
		return usage(c, fmt.Errorf("%s needs words of a title, or an item's id", c.Name()))
	}
	return nil
}

func nothingFound(args []string) error {
	return problem.Newf(problem.Other, "try fewer words, or a part of one", "nothing is called %q", shortened(strings.Join(args, " ")))
}

// search asks the daemon, which has the session.
func (e *env) search(ctx context.Context, account string, args []string) (control.SearchAnswer, error) {
	client, err := e.client()
	if err != nil {
		return control.SearchAnswer{}, err
	}
	var found control.SearchAnswer
	err = e.while("Searching …", func() (err error) {
		found, err = client.Search(ctx, account, strings.Join(args, " "))
		return err
	})
	if isNoDaemon(err) {
		return found, notRunning()
	}
	return found, err
}

// showFound lists what was found, with numbers to choose by.
func (e *env) showFound(f library.Found) error {
	var rows [][]string
	for n, i := range f.Items {
		rows = append(rows, []string{strconv.Itoa(n + 1), i.Title, i.Author, i.Series, lengthOf(i), placeOf(i), i.Name()})
	}
	if err := e.table([]string{"#", "TITLE", "BY", "SERIES", "LENGTH", "PLACE", "ID"}, rows); err != nil {
		return err
	}
	if f.More {
		_, err := fmt.Fprintln(e.stderr, "There are more; another word finds fewer.")
		return err
	}
	return nil
}

func lengthOf(i library.Item) string {
	if i.Kind == library.Podcast {
		return "podcast"
	}
	return span(seconds(i.Duration))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func placeOf(i library.Item) string {
	switch {
	case i.Place == nil:
		return ""
	case i.Place.Finished:
		return "finished"
	}
	return moment(i.Place.Seconds)
}

// moment is a place in a book, as h:mm:ss.
func moment(at float64) string {
	s := int(at)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// one finds the item that the words mean. Where several may be meant, number chooses one,
// or the person who types.
func (e *env) one(c *cobra.Command, account string, args []string, number int) (control.SearchAnswer, library.Item, error) {
	found, err := e.search(c.Context(), account, args)
	if err != nil {
		return found, library.Item{}, err
	}
	list := found.Items
	if len(list) == 0 {
		return found, library.Item{}, nothingFound(args)
	}
	if number < 0 || number > len(list) {
		return found, library.Item{}, usage(c, fmt.Errorf("--number %d: the numbers found are 1 to %d", number, len(list)))
	}
	if number > 0 {
		return found, list[number-1], nil
	}
	if item, ok := found.One(strings.Join(args, " ")); ok {
		return found, item, nil
	}
	if _, typing := e.terminal(); typing && !e.json {
		item, err := e.askWhich(c.Context(), found.Found)
		return found, item, err
	}
	if !e.json {
		text := *e
		text.stdout = e.stderr
		if err := text.showFound(found.Found); err != nil {
			return found, library.Item{}, err
		}
	}
	return found, library.Item{}, problem.Newf(problem.Usage, "give --number with one of their numbers, or the id",
		"%d are called %q", len(list), shortened(strings.Join(args, " ")))
}

// askWhich lets the person who types choose.
func (e *env) askWhich(ctx context.Context, f library.Found) (library.Item, error) {
	text := *e
	text.stdout = e.stderr
	if err := text.showFound(f); err != nil {
		return library.Item{}, err
	}
	for range 3 {
		fmt.Fprintf(e.stderr, "Which one? [1-%d] ", len(f.Items))
		answer, err := interruptible(ctx, func() (string, error) { return readLine(e.stdin) })
		if err != nil {
			return library.Item{}, unanswered(fmt.Errorf("read the answer: %w", err))
		}
		if n, err := strconv.Atoi(strings.TrimSpace(answer)); err == nil && n >= 1 && n <= len(f.Items) {
			return f.Items[n-1], nil
		}
	}
	return library.Item{}, unanswered(errors.New("no number was given"))
}
