package dashboard

import (
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"

	"shelfkeeper/assets"
)

// entry is one of the navigation.
type entry struct{ Here, Path, Label string }

func navigation() []entry {
	return []entry{{"home", "/", text("nav.home")}, {"search", "/search", text("nav.search")}, {"players", "/players", text("nav.players")},
		{"record", "/record", text("nav.record")},
		{"settings", "/settings", text("nav.settings")}}
}

// settingForm is a setting within its form.
type settingForm struct {
	Setting settingView
	CSRF    string
}

// headerField is the place for one header at a first sign-in.
type headerField struct {
	N       int
	Example string
}

// headerFields are as many as firstGateway reads, the first two as Cloudflare Access
// wants them.
func headerFields() (list []headerField) {
	for i := range gatewayFields {
		list = append(list, headerField{N: i + 1})
	}
	list[0].Example, list[1].Example = "CF-Access-Client-Id", "CF-Access-Client-Secret"
	return list
}

// templates reads the pages, which are compiled in.
func templates() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"t":          text,
		"nav":        navigation,
		"words":      words,
		"with_csrf":  func(one settingView, csrf string) settingForm { return settingForm{one, csrf} },
		"headers":    headerFields,
		"happenings": func() []string { return happeningNames[:] },
		"secure":     func(address string) bool { return strings.HasPrefix(address, "https://") },
		"file":       func(path string) string { return path + "?v=" + files[path].version },
	}).ParseFS(assets.Page, "page/*.html"))
}

// words shows a sentence that was written for a terminal: it begins with a
// capital, and what stands in backticks is something to type.
func words(sentence string) template.HTML {
	if first, n := utf8.DecodeRuneInString(sentence); n > 0 {
		sentence = string(unicode.ToUpper(first)) + sentence[n:]
	}
	var out strings.Builder
	for i, part := range strings.Split(sentence, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		out.WriteString(part)
	}
	return template.HTML(out.String()) // each part is escaped
}
