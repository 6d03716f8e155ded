package programs

// How the programs were tried: each also directly at the server, for comparison.
const (
	day      = "2026-11-26"
	real5    = "a real 2.36.0 or the demonstration server, tokens of 5 s"
	readOnly = "fields from its source"
)

func password(server string) []Field {
	return []Field{{server, "{url}"}, {"User name", AnyUser}, {"Password", "{key}"}}
}

func key(server, name string) []Field { return []Field{{server, "{url}"}, {name, "{key}"}} }

const (
	webview = "It is a page in a webview. If its sound or covers stay away, `shelfkeeper players trust NAME ORIGIN` lets its pages in; " +
		"the players page names the origin."
	since     = "refused as a foreign page when it was tried; since then a grant opens it, which was not tried again"
	container = "In a container it needs the host's network, or an address of `listen_extra`: docs/players.md."
)

// table holds all programs in the order of their names, the families last.
var table = []Program{
	{ID: "web", Also: []string{"browser"}, Name: "ABS web client, in any browser", Fields: []Field{{"Address", "{url}/"}},
		More:  []More{{full, "edits of items, playlists and collections"}, {admin, "users, settings and backups"}},
		Works: "no answer of 400 or more in a whole visit; playback went on while the server was killed",
		Tried: Trial{"2.36.0 and 2.26.3", day, "the real servers, tokens of 20 s"},
		Note:  "`shelfkeeper open`, or the button \"Open Audiobookshelf\", signs the browser in."},
	{ID: "audiobook-tagger", Name: "audiobook-tagger", Scope: full, Fields: key("Server URL", "API key"),
		Works: since, Tried: Trial{"2.1.1", day, real5}, Note: webview},
	{ID: "audiobookshelf-cli", Also: []string{"abs-cli"}, Name: "audiobookshelf-cli", Scope: listen,
		Fields: key("AUDIOBOOKSHELF_SERVER_URL", "AUDIOBOOKSHELF_API_KEY"),
		More:   []More{{full, "whatever it writes"}, {admin, "its scan"}},
		Works:  "reads, writes and scans, each at its scope", Tried: Trial{"b937ff7", day, real5}},
	{ID: "audiobookshelf-mac", Name: "audiobookshelf-mac", Scope: full, Fields: password("Server"), Tried: Trial{How: readOnly}},
	{ID: "mcp-ni-c", Also: []string{"ni-c/audiobookshelf-mcp"}, Name: "audiobookshelf-mcp (ni-c)", Scope: listen,
		Fields: key("AUDIOBOOKSHELF_URL", "AUDIOBOOKSHELF_API_KEY"),
		More:   []More{{full, "what it writes"}},
		Works:  "everything that reads at listen, all at full; tags and genres are an administrator's in Audiobookshelf",
		Tried:  Trial{"0.1.3", "2026-11-27", "the double, through tokens that end meanwhile; before that a real 2.36.0"}},
	{ID: "mcp-sierikov", Also: []string{"sierikov/audiobookshelf-mcp"}, Name: "audiobookshelf-mcp (sierikov)", Scope: listen,
		Fields: key("AUDIOBOOKSHELF_URL", "AUDIOBOOKSHELF_TOKEN"),
		Works:  "all 10 calls", Tried: Trial{"f659385", day, real5}},
	{ID: "htpc", Also: []string{"audiobookshelf-htpc", "audiobookshelf-player"}, Name: "audiobookshelf-player, audiobookshelf-htpc",
		Scope: full, Fields: password("Server"), Works: since,
		Tried: Trial{"7f199fa", day, real5}, Note: webview},
	{ID: "boek", Also: []string{"shelfily", "abs-client"}, Name: "Boek, shelfily, ABS-Client", Scope: listen, Fields: password("Server"),
		Tried: Trial{How: readOnly}},
	{ID: "booklight", Name: "Booklight", Scope: full, Fields: password("Server"),
		Works: "signs in and lists; its sound and covers were refused then, and come since its origin can be trusted, which was not " +
			"tried again", Tried: Trial{"", day, real5}, Note: webview},
	{ID: "calibre", Also: []string{"audiobookshelf sync"}, Name: "Calibre, Audiobookshelf Sync", Scope: listen,
		Fields: key("Server URL", "API key"), Tried: Trial{How: readOnly}},
	{ID: "cliamp", Name: "cliamp", Scope: listen, Fields: key("url", "token"), Tried: Trial{How: readOnly}},
	{ID: "discord-rpc", Name: "Discord RPC", Scope: admin, Fields: key("Server URL", "API key"),
		More: []More{{admin, "all that it shows: its own page asks for the key of an administrator"}}, Tried: Trial{How: readOnly}},
	{ID: "gpodder", Also: []string{"newsboat", "thunderbird", "mopidy", "podcast"}, Name: "gPodder, newsboat, Thunderbird, Mopidy",
		Fields: []Field{{"Feed", "{url}/feed/SLUG{token}"}},
		Works:  "feeds with local addresses, whole episodes, through tokens that end meanwhile",
		Tried:  Trial{"gPodder 3.11.1, newsboat 2.21", "2026-11-27", "the double in each run of the tests; before that a real 2.36.0"},
		Note: "SLUG is that of a feed that you opened in Audiobookshelf. `shelfkeeper url --format feed WORDS` prints a feed for any " +
			"podcast."},
	{ID: "home-assistant", Also: []string{"hass", "hass-audiobookshelf"}, Name: "Home Assistant", Scope: admin,
		Fields: key("Host", "API key"),
		More:   []More{{admin, "its sensors of users and of who is online, which stay unknown otherwise"}},
		Works:  "every sensor at admin; all but users and online at listen",
		Tried:  Trial{"hass-audiobookshelf 0.5.0", day, real5}, Note: container},
	{ID: "kodi-breezyslasher", Also: []string{"plugin.audio.audiobookshelf"}, Name: "Kodi (Breezyslasher)", Scope: listen,
		Fields: []Field{{"IP", "{host}"}, {"Port", "{port}"}, {"API key", "{key}"}},
		Works:  "lists, parts, streams, finished", Tried: Trial{"2026.7.24", day, real5}},
	{ID: "kodi-mildman1848", Name: "Kodi (mildman1848)", Scope: listen, Fields: key("Base URL", "API key"),
		Works: "all but one menu, which fails directly too", Tried: Trial{"958026c", day, real5}},
	{ID: "kodi-platzregen", Name: "Kodi (platzregen)", Scope: listen,
		Fields: []Field{{"IP", "{host}"}, {"Port", "{port}"}, {"User name", AnyUser}, {"Password", "{key}"}}, Tried: Trial{How: readOnly}},
	{ID: "koreader", Name: "KOReader (audiobookshelf.koplugin)", Scope: listen, Fields: key("server", "token"), Tried: Trial{How: readOnly},
		Note: "Both stand in audiobookshelf_config.lua in the plugin's folder."},
	{ID: "mpv", Also: []string{"vlc", "ffplay", "ffmpeg", "mpd", "mplayer", "gst-play", "yt-dlp", "curl", "wget", "aria2"},
		Name:   "mpv, VLC, ffplay, MPD, MPlayer, gst-play, yt-dlp, curl",
		Fields: []Field{{"Address", "{url}/api/items/ID/file/INO{token}"}},
		Works:  "every byte through cuts and 5 s tokens; docs/network.md says how long an outage each survives",
		Tried: Trial{"mpv 0.35, VLC 3.0.24, ffmpeg 5.1, MPD 0.23, MPlayer 1.5, gst-play 1.22", "2026-11-27",
			"the double, in each run of the tests; before that a real 2.36.0, tokens of 5 s"},
		Note: "`shelfkeeper url WORDS` prints an address for any title. A program of your own user needs no token; " +
			"one of another user needs the address with ?token=."},
	{ID: "music-assistant", Name: "Music Assistant", Scope: full, Fields: password("Server URL"),
		Works: "52 requests without a 401; 27 of 27 reports kept through 30 s without the server",
		Tried: Trial{"aioaudiobookshelf 0.1.24", day, real5 + "; what it sends is replayed in each run of the tests"}, Note: container},
	{ID: "openapi-mcp", Also: []string{"openapi-mcp-server", "@ivotoby/openapi-mcp-server", "mcp"},
		Name: "openapi-mcp-server, any assistant", Scope: listen,
		Fields: []Field{{"API_BASE_URL", "{url}"}, {"API_HEADERS", "Authorization:Bearer {key}"}},
		Works:  "tools from a description of the API",
		Tried:  Trial{"1.16.1", "2026-11-27", "the double, in each run of the tests"},
		Note:   "You write the description; OPENAPI_SPEC_PATH names it."},
	{ID: "opds-abs", Name: "OPDS-ABS", Scope: listen, Fields: password("AUDIOBOOKSHELF_URL"),
		Works: "feeds", Tried: Trial{"f475ce2", day, real5}},
	{ID: "pine", Name: "pine", Scope: listen, Fields: password("URL"),
		Works: "plays, seeks, reports", Tried: Trial{"30d60e6", day, real5}, Note: "No slash at the end of the address."},
	{ID: "plappa", Also: []string{"shelfplayer", "soundleaf"}, Name: "Plappa, ShelfPlayer, SoundLeaf on a Mac", Scope: full,
		Fields: password("Server"), Tried: Trial{How: readOnly}},
	{ID: "readest", Name: "Readest", Scope: listen, Fields: password("Server URL"),
		Works: "no 401, where it got 4 directly", Tried: Trial{"0.12.1", day, real5}},
	{ID: "socket.io-client", Also: []string{"socketio"}, Name: "socket.io-client", Scope: listen,
		Fields: []Field{{"Address", "{url}"}, {"auth event", "{key}"}},
		Works:  "connects by websocket and by polling, signs in, gets init",
		Tried:  Trial{"4", "2026-11-27", "the double, in each run of the tests"}},
	{ID: "sonos-bridge", Name: "sonos-bridge", Scope: listen,
		Fields: password("BRIDGE_ABS_URL"),
		Works:  "signs in, lists", Tried: Trial{"44132fc", day, real5}, Note: container},
	{ID: "toutui", Name: "Toutui", Scope: listen, Fields: password("Server"), Tried: Trial{How: readOnly}},
	{ID: "vaani", Name: "Vaani", Scope: listen, Fields: password("Server"), Tried: Trial{How: readOnly},
		Note: "Type the http:// too: it takes https for granted."},
	{ID: "password", Name: "Any other that asks for a user name and a password", Scope: listen, Fields: password("Server"), More: anyMore,
		Tried: Trial{How: "the programs above are of this kind"}},
	{ID: "key", Also: []string{"token", "api-key"}, Name: "Any other that asks for an API key or a token", Scope: listen,
		Fields: key("Server", "API key"), More: anyMore, Tried: Trial{How: "the programs above are of this kind"}},
}

var anyMore = []More{{full, "edits and uploads"}, {admin, "users, API keys, settings and backups"}}
