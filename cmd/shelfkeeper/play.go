package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/library/playlist"
	"shelfkeeper/daemon/playback"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
)

func newPlay(e *env) *cobra.Command {
	var account, with string
	var number int
	var attach bool
	c := &cobra.Command{
		Use:   "play WORDS|ITEM",
		Short: "Play a book or an episode with mpv, from where you are; what you hear is reported",
		Long: `Starts mpv where you are in the book and reports to the server what you hear, every
ten seconds and at the end. An outage of the server is bridged. Of a podcast the
episode that you have begun is played, or the newest.

--player names another program: "vlc", or a command line in which {url} and {title}
are replaced. No shell reads it. On Linux what it plays is reported too, and it is
moved to the place where you are, if it speaks MPRIS as VLC and most players do.
What follows "mpv" are options for mpv.

--attach starts nothing: it reports a player of yours that plays an address of
"shelfkeeper url" already, or within two minutes.`,
		Example: "  shelfkeeper play low tide\n  shelfkeeper play --player \"mpv --speed=1.3\" low tide\n" +
			"  shelfkeeper play --player \"celluloid --new-window {url}\" \"One Long Night\"",
		Args: someWords,
		RunE: func(c *cobra.Command, args []string) error {
			argv, err := chosenPlayer(c, attach, with, typed(account, args))
			if err != nil {
				return err
			}
			found, item, err := e.one(c, account, args, number)
			if err != nil {
				return err
			}
			if item.Silent() {
				return nothingToHear(item)
			}
			client, err := e.client()
			if err != nil {
				return err
			}
			p := &playing{env: e, client: client, account: account, found: found, argv: argv}
			return p.play(c.Context(), item)
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().StringVar(&with, "player", "mpv", "mpv, vlc or a `command` with {url} and {title}")
	c.Flags().BoolVar(&attach, "attach", false, "start no player; report one that you have started (Linux)")
	c.Flags().IntVar(&number, "number", 0, "which one, if several have that name: its number in `search`")
	return c
}

// chosenPlayer is the command line of the player; nil for one that runs already. line is
// what was typed besides, for the remedy.
func chosenPlayer(c *cobra.Command, attach bool, with, line string) ([]string, error) {
	if attach {
		if c.Flags().Changed("player") {
			return nil, usage(c, errors.New("--attach starts no player: leave --player out"))
		}
		return nil, nil
	}
	argv, err := playback.Split(with)
	if err != nil {
		return nil, usage(c, fmt.Errorf("--player: %w", err))
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, problem.Newf(problem.Usage, "install it, or name another program: `shelfkeeper play --player vlc "+line+"`",
			"there is no program %q", shortened(argv[0]))
	}
	return argv, nil
}

func nothingToHear(item library.Item) error {
	return problem.Newf(problem.Other, "read it in the browser: `shelfkeeper open`",
		"there is nothing to hear in %q, only to read", item.Title)
}

// playing is one run of `play`.
type playing struct {
	env     *env
	client  *control.Client
	account string
	found   control.SearchAnswer
	argv    []string
	server  *playback.Server
	refresh string // of the grant, if one was needed
}

func (p *playing) play(ctx context.Context, item library.Item) (err error) {
	p.server = &playback.Server{Base: p.found.ProxyURL, Version: version, Device: deviceName(p.found.Account), Leave: p.leave}
	defer func() {
		if p.refresh != "" {
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), signOutWait)
			defer cancel()
			err = errors.Join(err, p.server.SignOut(ending, p.refresh))
		}
	}()
	if item.Kind == library.Podcast {
		if item, err = p.episodeOf(ctx, item); err != nil {
			return err
		}
	}
	if len(p.argv) == 0 {
		return p.attached(ctx, item)
	}
	name := playerName(p.argv)
	if name != "mpv" || hasPlaceholder(p.argv) {
		return p.byTemplate(ctx, item, name)
	}
	in, err := p.open(ctx, item, name)
	if err != nil {
		return p.notPlayed(item, err)
	}
	p.say(fmt.Sprintf("%s, from %s.", item.Title, moment(in.Start)))
	if err := in.PlayMPV(ctx, p.argv, p.say); err != nil {
		remedy := ""
		if errors.Is(err, playback.ErrNoSound) {
			remedy = "see which outputs there are: `mpv --ao=help`, and name one: --player 'mpv --ao=NAME'"
		}
		return problem.New(problem.Other, fmt.Errorf("play %q: %w", item.Title, err), remedy)
	}
	return p.env.did("It was played.")
}

// leave keeps what was heard for the next daemon.
func (p *playing) leave(l playback.Left) error {
	paths, err := p.env.paths()
	if err != nil {
		return err
	}
	return progress.Leave(home.JournalDir(paths.State, p.found.Account), progress.Left(l))
}

// typed are an account and words as a person types them in a shell.
func typed(account string, words []string) string {
	var line []string
	if account != "" {
		line = append(line, "--account", shellWord(account))
	}
	for _, word := range words {
		line = append(line, shellWord(word))
	}
	return strings.Join(line, " ")
}

// signOutWait bounds the end of the player's own sign-in.
const signOutWait = 5 * time.Second

// playerName is how a player is called, by its program.
func playerName(argv []string) string { return strings.TrimSuffix(filepath.Base(argv[0]), ".exe") }

func hasPlaceholder(argv []string) bool {
	line := strings.Join(argv[1:], " ")
	return strings.Contains(line, "{url}") || strings.Contains(line, "{title}")
}

// say says something beside the player's own lines.
func (p *playing) say(text string) {
	if !p.env.quiet {
		fmt.Fprintln(p.env.stderr, text)
	}
}

// open opens the session, with a grant where one is needed.
func (p *playing) open(ctx context.Context, item library.Item, player string) (*playback.Session, error) {
	in, err := p.server.Open(ctx, item.ID, item.Episode, player)
	if errors.Is(err, playback.ErrNeedsGrant) {
		if err = p.needGrant(ctx); err == nil {
			in, err = p.server.Open(ctx, item.ID, item.Episode, player)
		}
	}
	return in, err
}

func (p *playing) needGrant(ctx context.Context) (err error) {
	p.server.Grant, p.refresh, err = p.client.PlayerGrant(ctx, p.account)
	return err
}

func (p *playing) notPlayed(item library.Item, err error) error {
	var known *problem.Problem
	if errors.As(err, &known) {
		return known
	}
	return problem.New(problem.Unreachable, fmt.Errorf("play %q: %w", item.Title, err), "see what is wrong: `shelfkeeper status`")
}

// attached reports a player that runs already.
func (p *playing) attached(ctx context.Context, item library.Item) error {
	if err := p.follow(ctx, item, nil, "an MPRIS player"); err != nil {
		return problem.New(problem.Other, fmt.Errorf("play %q: %w", item.Title, err),
			"open this address in a player that speaks MPRIS: `shelfkeeper url "+typed(p.account, []string{item.Name()})+"`")
	}
	return p.env.did("The report has ended.")
}

func (p *playing) follow(ctx context.Context, item library.Item, argv []string, name string) error {
	f := playback.Follow{Argv: argv, Item: item.ID, Say: p.say,
		Open: func(ctx context.Context) (*playback.Session, error) { return p.open(ctx, item, name) }}
	return f.Run(ctx)
}

// byTemplate runs a player that is told an address. What it plays is known only if it
// tells.
func (p *playing) byTemplate(ctx context.Context, item library.Item, name string) error {
	if !p.server.ComesIn(ctx) {
		if err := p.needGrant(ctx); err != nil {
			return p.notPlayed(item, err)
		}
	}
	address := p.server.Address(playlist.Path(item, "m3u8"), "from=place")
	if err := p.follow(ctx, item, playback.Fill(p.argv, address, item.Title), name); err != nil {
		return problem.New(problem.Other, err, "try it with mpv: `shelfkeeper play "+typed(p.account, []string{item.Name()})+"`")
	}
	return p.env.did("The player has ended.")
}

// episodeOf is the episode of a podcast that is played: the one that was begun, or the
// newest.
func (p *playing) episodeOf(ctx context.Context, cast library.Item) (library.Item, error) {
	list, err := p.client.Episodes(ctx, p.account, cast.ID)
	if err != nil {
		return cast, err
	}
	if len(list.Items) == 0 {
		return cast, problem.Newf(problem.Other, "", "%q has no episodes on the server", cast.Title)
	}
	for _, e := range list.Items {
		if e.Place != nil && !e.Place.Finished && e.Place.Seconds > 0 {
			return e, nil
		}
	}
	for _, e := range list.Items {
		if e.Place == nil || !e.Place.Finished {
			return e, nil
		}
	}
	return list.Items[0], nil
}

// deviceName names this machine's player to the server, which closes a session when
// another begins on the same device. It tells nobody the machine's name.
func deviceName(account string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sum := sha256.Sum256([]byte("shelfkeeper play\x00" + host + "\x00" + account))
	return "shelfkeeper-" + hex.EncodeToString(sum[:6])
}
