package assets

import "embed"

// Page holds the templates, the style sheet and the script of the status page.
//
//go:embed page
var Page embed.FS
