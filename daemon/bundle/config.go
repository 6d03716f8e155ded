package bundle

import (
	"net/url"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"shelfkeeper/daemon/redact"
)

// Config returns the text of a config.toml without its secrets: of headers only the
// names stay, of a proxy only its kind and host. A text that is no TOML is left out,
// since nobody knows where its secrets are.
func Config(text []byte) string {
	var fields map[string]any
	if err := toml.Unmarshal(text, &fields); err != nil {
		return "# it is left out, since it cannot be read: a key and a value of it are not told apart\n"
	}
	out, err := toml.Marshal(cleared(fields, nil))
	if err != nil {
		return "# it is left out, since it cannot be written anew\n"
	}
	return string(out)
}

// shown are the keys whose values tell no secret.
var shown = []string{
	"listen", "local_access", "page_port", "listen_extra", "listen_extra_http", "listen_extra_cert", "extra_hosts", "trusted_origins",
	"log_level",
	"addresses", "trust_http", "ca_file", "headers_for", "user_agent", "proxy", "store", "icon_click",
}

func cleared(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, one := range v {
			out[key] = cleared(one, append(slices.Clone(path), key))
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, one := range v {
			out = append(out, cleared(one, path))
		}
		return out
	case string:
		key := path[len(path)-1]
		switch {
		case slices.Contains(path, "headers") || !slices.Contains(shown, key):
			return redact.Redacted
		case key == "proxy":
			if u, err := url.Parse(v); err == nil && u.Host != "" {
				return redact.URL(&url.URL{Scheme: u.Scheme, Host: u.Host})
			}
			if v != "direct" && v != "" {
				return redact.Redacted
			}
		}
		return redact.Text(v)
	}
	return v
}
