package dashboard

import "fmt"

// texts are all words of the page. A translation is another map with the same
// keys. Words of conditions and of servers come from where they are declared,
// except those for which the page has a button.
var texts = map[string]string{
	"name":       "Shelfkeeper",
	"skip":       "Skip to the content",
	"nav":        "Pages",
	"nav.home":   "Accounts",
	"footer":     "Shelfkeeper %s. This page is for you alone: it opens only on this machine.",
	"noscript":   "Without scripts this page does not follow by itself. Reload it to see changes.",
	"lost":       "Shelfkeeper does not answer. This page goes on by itself when it is back.",
	"working":    "Working …",
	"copied":     "Copied",
	"copy":       "Copy",
	"cancel":     "Cancel",
	"back":       "Back",
	"home.title": "Accounts",
	"home.add":   "Add an account",
	"now":        "now",

	"level.ok":         "Signed in",
	"level.degraded":   "Signed in, but something is missing",
	"level.offline":    "The server is out of reach",
	"level.needs-user": "Needs you",
	"level.paused":     "Paused by you",
	"since":            "since %s",
	"account.named":    "%s at %s",
	"account.title":    "%s: %s",

	"remedy.title":            "What helps",
	"reason.title":            "Why",
	"remedy.signed-out":       "Sign in again.",
	"remedy.other-server":     "Sign in once more.",
	"remedy.password-refused": "Sign in with the password as the server knows it now.",
	"remedy.session-lost":     "Sign in again. Players that wait go on then.",
	"remedy.token-refused":    "Create a new API key on the server, and sign in with it.",
	"remedy.vault-unreadable": "Sign in once more. The file that cannot be read is kept.",
	"remedy.vault-passphrase": "Give the passphrase with which the sessions are sealed.",
	"remedy.vault-locked":     "Unlock the keychain. It asks for its own password.",
	"remedy.vault-denied":     "Allow Shelfkeeper in the keychain, then try again.",
	"remedy.vault-absent":     "Start the desktop's keyring, then try again.",
	"remedy.vault-hanging":    "Look for the keychain's question, answer it, then try again.",

	"act.renew":     "Renew now",
	"act.renewed":   "The session is renewed.",
	"act.again":     "Try again",
	"act.sign-in":   "Sign in again",
	"act.unlock":    "Unlock",
	"act.open":      "Open Audiobookshelf",
	"act.sign-out":  "Sign out",
	"act.password":  "Passphrase of the sealed file",
	"act.opened":    "Audiobookshelf opens in your browser.",
	"act.link":      "Open this address in your browser. It works once, within 30 seconds.",
	"act.signedout": "Signed out. Nothing is left here.",

	"fact.server":    "Server",
	"fact.version":   "%s, Audiobookshelf %s",
	"fact.through":   "through %s",
	"fact.method":    "Signed in by",
	"fact.good":      "Good until",
	"fact.good.none": "The server takes it until somebody ends it there.",
	"fact.good.note": "Each renewal moves this date on.",
	"fact.next":      "Next renewal",
	"fact.next.idle": "when somebody needs it",
	"fact.last":      "Last renewal",
	"fact.socket":    "Live connection",
	"fact.players":   "Players use",
	"fact.traffic":   "%s and %s since the start",
	"fact.running":   "Running now",
	"fact.progress":  "Listening",
	"fact.vault":     "Secrets lie in",
	"fact.loss":      "Last loss",

	"method.password":     "password, which is kept to sign in again",
	"method.session only": "password, which is not kept",
	"method.openid":       "the browser (OpenID)",
	"method.api key":      "API key",
	"method.legacy token": "a token that never ends",

	"socket.off":           "none",
	"socket.waiting":       "waits for the next attempt",
	"socket.connecting":    "connects",
	"socket.connected":     "connects",
	"socket.authenticated": "connected",
	"socket.reconnects":    "connected anew %s since the start",

	"vault.os":               "the desktop's keychain",
	"vault.file":             "a file sealed with your passphrase",
	"vault.memory":           "memory, until the end of the program",
	"vault.ok":               "open",
	"vault.opening":          "opens",
	"vault.slot-pending":     "the keychain does not take the newest session; it is safe in the journal",
	"vault.vault-locked":     "locked",
	"vault.vault-absent":     "no keychain answers",
	"vault.vault-denied":     "the keychain refuses",
	"vault.vault-hanging":    "the keychain does not answer",
	"vault.vault-newer":      "written by a newer Shelfkeeper",
	"vault.vault-unreadable": "cannot be read",
	"vault.vault-passphrase": "waits for the passphrase",

	"count.requests": "%d requests", "count.requests.1": "1 request",
	"count.streams": "%d requests or streams", "count.streams.1": "1 request or stream", "count.streams.0": "nothing",
	"count.times": "%d times", "count.times.1": "once",
	"progress.waiting": "%d reports wait for the server, the oldest since %s",
	"progress.1":       "1 report waits for the server, since %s",
	"progress.aside":   "%d reports were refused by the server and are kept: %s",
	"progress.others":  "%d reports wait for another user",
	"progress.none":    "everything is delivered",
	"bytes.b":          "%d bytes", "bytes.k": "%.1f kB", "bytes.m": "%.1f MB", "bytes.g": "%.1f GB",

	"first.title":        "Sign in to Audiobookshelf",
	"first.lead":         "Shelfkeeper stays signed in for you, and serves every player on this machine.",
	"first.address":      "Address of your server",
	"first.address.hint": "As in your browser, for example abs.example.org, 192.168.1.5:13378, or a link that you copied from Audiobookshelf.",
	"first.look":         "Find it",
	"first.found":        "Found it",
	"first.found.is":     "%s is Audiobookshelf %s.",
	"first.secure":       "Encrypted (https).",
	"first.plain":        "Not encrypted (http), which is in order within your own network.",
	"first.ways.both":    "It lets people in by password and through its OpenID provider.",
	"first.ways.local":   "It lets people in by password.",
	"first.ways.openid":  "It lets people in through its OpenID provider.",
	"first.other":        "Another address",
	"first.plain.public": "What you type would travel unencrypted: %s",
	"first.plain.accept": "Send it unencrypted all the same",
	"first.local":        "Sign in by password",
	"first.user":         "User name",
	"first.password":     "Password",
	"first.keep":         "Keep the password, to sign in by itself when the server ends the session",
	"first.password.go":  "Sign in",
	"first.openid":       "Sign in with your browser",
	"first.openid.hint":  "The server's OpenID provider asks who you are. Shelfkeeper keeps the session alone.",
	"first.openid.go":    "Sign in with OpenID",
	"first.token":        "With an API key or an old token instead",
	"first.token.hint":   "From the server's settings. It says by itself whose it is.",
	"first.token.label":  "API key or token",
	"first.token.go":     "Sign in with it",
	"first.store":        "Where your secrets go: the desktop's keychain, or a file",
	"first.store.os":     "The desktop's keychain",
	"first.store.file":   "A file here, sealed with a passphrase of your own",
	"first.store.fixed":  "Secrets go to %s.",
	"first.pass":         "Passphrase",
	"first.pass.again":   "Passphrase once more",
	"first.pass.hint":    "Nobody can open the file without it. You are asked for it when Shelfkeeper starts.",
	"first.pass.differ":  "The two passphrases differ.",
	"first.pass.short":   "The passphrase needs at least 8 characters.",
	"first.pass.missing": "The sealed file needs its passphrase.",
	"first.empty":        "Type the address of your server.",
	"first.notoken":      "Paste the API key or token.",
	"first.noname":       "Type the user name.",

	"done.title":   "You are signed in",
	"done.is":      "%s: Shelfkeeper keeps you signed in from now on.",
	"done.open":    "Listen in the browser",
	"done.players": "Let other programs play",
	"done.address": "Give players this address instead of the server's:",
	"done.grant":   "Programs that insist on a password, API key or token take this one. It is shown only now:",
	"done.status":  "Status of the account",

	"again.title": "Sign in again: %s",
	"again.cause": "Why this is needed",
	"again.held":  "Players that wait go on by themselves.",

	"openid.title":    "Sign in with your browser",
	"openid.go":       "Go to the provider",
	"openid.wait":     "Waiting for you to come back from the provider.",
	"openid.sent":     "Your browser is on its way there already.",
	"openid.spare":    "Once more, for a second session. It takes over if this one is lost.",
	"openid.skip":     "Do without it",
	"openid.paste":    "If the browser does not come back by itself, paste the last address that it shows",
	"openid.paste.go": "Use this address",
	"openid.starting": "Asking the server …",
	"openid.finish":   "Go on",
	"openid.finished": "%s is signed in.",
	"openid.none":     "No sign-in is under way.",

	"out.title":  "Sign out of %s?",
	"out.text":   "The session ends at the server, and every secret of the account is erased here. Players lose their access.",
	"out.go":     "Sign out and erase",
	"unlock.go":  "Unlock",
	"unlock.why": "The sessions lie in a file that is sealed with your passphrase.",

	"nav.players":      "Players",
	"act.revoked":      "The grant is taken away. What it was used for has ended.",
	"play.title":       "Players",
	"play.none":        "Sign in first; players come then.",
	"play.address":     "Players of %s use this address",
	"play.came":        "Who came",
	"play.came.no":     "No program has come since Shelfkeeper was started.",
	"play.program":     "Program",
	"play.as":          "Came as",
	"play.scope":       "May",
	"play.last":        "Last",
	"play.count":       "Requests",
	"play.own":         "your own program",
	"play.grant":       "grant %s",
	"play.gone":        "a grant that was taken away",
	"play.refused":     "Refused",
	"play.is":          "%s was refused %s, the last time %s.",
	"play.origin":      "Its pages come from %s.",
	"play.allow":       "Make a grant for it",
	"play.trust":       "Allow it",
	"play.grants":      "Grants",
	"play.grants.0":    "There is none. Programs of your own need none, unless they insist on a password or key.",
	"play.made.at":     "Made",
	"play.used":        "Last used",
	"play.never":       "never",
	"play.revoke":      "Take away",
	"play.sure":        "Yes, take %s away",
	"play.add":         "Make a grant",
	"play.add.hint":    "One secret that serves as password, API key and token. It works on this machine only, until you take it away.",
	"play.name":        "Name of the program",
	"play.may":         "What it may do",
	"play.go":          "Make the grant",
	"play.made":        "A grant for %s",
	"play.secret":      "It serves as password (with any user name), API key and token. It is shown only now:",
	"play.paste":       "What to paste, program by program",
	"play.paste.in":    "What to paste into a program",
	"play.needs":       "Needs a grant that may: %s.",
	"play.needs.no":    "Needs no grant if it runs as your own user.",
	"kind.secret":      "grant",
	"kind.session":     "sign-in",
	"scope.listen":     "listen",
	"scope.full":       "all that the web page does",
	"scope.admin":      "administer the server too",
	"recipe.key":       "the grant's secret",
	"recipe.web":       "Or press \"Open Audiobookshelf\", which signs the browser in.",
	"recipe.feed":      "SLUG is that of a feed that you opened in Audiobookshelf.",
	"recipe.media":     "For a program of another user add ?token= and a grant's secret.",
	"recipe.container": "In a container it reaches this machine only through an address of listen_extra in config.toml.",

	"refused.title":   "Not here",
	"refused.far":     "This page answers only on this machine.",
	"refused.request": "This page does not answer such a request.",
	"refused.host":    "This page has one address: open it with `shelfkeeper page` or from the tray.",
	"refused.user":    "This page belongs to another user of this machine.",
	"refused.origin":  "Another page led here. Open this page from the tray, or follow the link below.",
	"refused.link":    "Open this page with `shelfkeeper page` or from the tray: this system does not tell whose browser it is.",
	"refused.used":    "This link was used already, or is older than 30 seconds. Ask for another one.",
	"refused.old":     "This form is too old: Shelfkeeper was started again meanwhile. Go back to the page and try again.",
	"refused.long":    "That is too long.",
	"refused.missing": "There is no such page.",
	"refused.fault":   "The page could not be made. Shelfkeeper's log says why.",
	"refused.go":      "Go to the status page",
}

// text returns the words of a key, with args in their places.
func text(key string, args ...any) string {
	words, ok := texts[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return words
	}
	return fmt.Sprintf(words, args...)
}

// textOr is text, or other where the key has no words.
func textOr(key, other string) string {
	if words, ok := texts[key]; ok {
		return words
	}
	return other
}

// count returns the words for a number: those of "key.N", or "key".
func count(key string, n int) string {
	if words, ok := texts[fmt.Sprintf("%s.%d", key, n)]; ok {
		return words
	}
	return text(key, n)
}

// size is a number of bytes in words.
func size(n uint64) string {
	switch {
	case n >= 1e9:
		return text("bytes.g", float64(n)/1e9)
	case n >= 1e6:
		return text("bytes.m", float64(n)/1e6)
	case n >= 1e3:
		return text("bytes.k", float64(n)/1e3)
	}
	return text("bytes.b", n)
}
