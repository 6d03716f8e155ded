package dashboard

import (
	"net/url"
	"strings"
)

// recipe is what to type into one program. The names of its fields are the
// program's own.
type recipe struct {
	Program string
	Needs   string // the scope of the grant; "" for a program that needs none
	Fields  []field
	Note    string // the key of a text
}

// field is one entry of a program. Its value may hold {url}, {host}, {port} and
// {key}.
type field struct{ Name, Value string }

// Whole reports whether the value can be copied as it is.
func (f field) Whole() bool { return f.Value != text("recipe.key") && f.Value != "any" }

// recipes are programs, in the order of their names, and the families that others
// belong to.
var recipes = []recipe{
	{"ABS web client, in any browser", "", []field{{"Address", "{url}/"}}, "recipe.web"},
	{"audiobookshelf-cli", "listen", []field{{"AUDIOBOOKSHELF_SERVER_URL", "{url}"}, {"AUDIOBOOKSHELF_API_KEY", "{key}"}}, ""},
	{"audiobookshelf-mac", "full", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"audiobookshelf-mcp (ni-c)", "listen", []field{{"AUDIOBOOKSHELF_URL", "{url}"}, {"AUDIOBOOKSHELF_API_KEY", "{key}"}}, ""},
	{"audiobookshelf-mcp (sierikov)", "listen", []field{{"AUDIOBOOKSHELF_URL", "{url}"}, {"AUDIOBOOKSHELF_TOKEN", "{key}"}}, ""},
	{"audiobookshelf-player, audiobookshelf-htpc", "full", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"Boek, shelfily, ABS-Client", "listen", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"Calibre, Audiobookshelf Sync", "listen", []field{{"Server URL", "{url}"}, {"API key", "{key}"}}, ""},
	{"cliamp", "listen", []field{{"url", "{url}"}, {"token", "{key}"}}, ""},
	{"Discord RPC", "admin", []field{{"Server URL", "{url}"}, {"API key", "{key}"}}, ""},
	{"gPodder, Thunderbird, Mopidy, newsboat", "", []field{{"Feed", "{url}/feed/SLUG"}}, "recipe.feed"},
	{"Home Assistant", "admin", []field{{"Host", "{url}"}, {"API key", "{key}"}}, ""},
	{"Kodi (Breezyslasher)", "listen", []field{{"IP", "{host}"}, {"Port", "{port}"}, {"API key", "{key}"}}, ""},
	{"Kodi (mildman1848)", "listen", []field{{"Base URL", "{url}"}, {"API key", "{key}"}}, ""},
	{"mpv, VLC, ffplay, MPD, yt-dlp, curl", "", []field{{"Address", "{url}/api/items/ID/file/INO"}}, "recipe.media"},
	{"Music Assistant", "full", []field{{"Server URL", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, "recipe.container"},
	{"OPDS-ABS", "listen", []field{{"AUDIOBOOKSHELF_URL", "{url}"}, {"Password", "{key}"}}, ""},
	{"pine", "listen", []field{{"URL", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"Plappa, ShelfPlayer, SoundLeaf on a Mac", "full", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"Readest", "listen", []field{{"Server URL", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"sonos-bridge", "listen", []field{{"BRIDGE_ABS_URL", "{url}"}, {"Password", "{key}"}}, ""},
	{"Toutui", "listen", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, ""},
	{"Vaani", "listen", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}}, "recipe.http"},
	{"Any other that asks for a user name and a password", "listen", []field{{"Server", "{url}"}, {"User name", "any"}, {"Password", "{key}"}},
		"recipe.other"},
	{"Any other that asks for an API key or a token", "listen", []field{{"Server", "{url}"}, {"API key", "{key}"}}, "recipe.other"},
}

// filled returns the recipes with the players' address, and with a key where one
// has just been made.
func filled(address, key string) []recipe {
	host, port := "127.0.0.1", ""
	if u, err := url.Parse(address); err == nil {
		host, port = u.Hostname(), u.Port()
	}
	if key == "" {
		key = text("recipe.key")
	}
	values := strings.NewReplacer("{url}", address, "{host}", host, "{port}", port, "{key}", key)
	list := make([]recipe, 0, len(recipes))
	for _, r := range recipes {
		fields := make([]field, 0, len(r.Fields))
		for _, f := range r.Fields {
			fields = append(fields, field{f.Name, values.Replace(f.Value)})
		}
		r.Fields = fields
		if r.Note != "" {
			r.Note = text(r.Note)
		}
		list = append(list, r)
	}
	return list
}
