package main

import (
	"html/template"
	"strings"

	"shelfkeeper/daemon/absfake"
)

// demoTemplate stands for Audiobookshelf's web client, which is no part of the
// demonstration.
var demoTemplate = template.Must(template.New("demo").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Demonstration server</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
li { margin: .7rem 0 }
audio { display: block; width: 100%; margin-top: .3rem }
</style>
</head>
<body>
<h1>Demonstration server</h1>
<p>It answers as Audiobookshelf {{.Release}} does, and has a small library made in code. The real web client is not here.</p>
<p>These play at Shelfkeeper's address, without a password. At the server's own address they need a token.</p>
<ul>
{{range .Items}}<li>{{.Title}}, {{.Author}}
<audio controls preload="none" src="/api/items/{{.ID}}/file/{{(index .Files 0).Ino}}"></audio></li>
{{end}}</ul>
<p>For programs: <a href="/api/libraries">the libraries</a>, <a href="/status">the server</a>.</p>
</body>
</html>
`))

// demoPage is the page of the demonstration server.
func demoPage(s *absfake.Server) string {
	var b strings.Builder
	err := demoTemplate.Execute(&b, struct {
		Release absfake.Release
		Items   []*absfake.Item
	}{s.Release(), s.Library().Items})
	if err != nil {
		return "" // a template of our own
	}
	return b.String()
}
