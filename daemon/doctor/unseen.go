package doctor

// Advice is a cause of trouble that no client can see, for the server's admin.
type Advice struct {
	ID     string `json:"id"`
	Cause  string `json:"cause"`
	Remedy string `json:"remedy"`
}

// unseen is what guides for Audiobookshelf warn of and nobody sees from outside.
var unseen = []Advice{
	{"config-on-share", "the config folder lies on a network share: its database loses writes, and sessions with them",
		"move CONFIG_PATH to a local disk"},
	{"killed-writes", "the server is killed before its database has written: sessions of the last moments are gone",
		"give the container time to stop (docker: stop_grace_period 30s)"},
	{"refresh-expiry", "REFRESH_TOKEN_EXPIRY is set to a few days: whoever is away for longer is signed out",
		"leave it out, which is 30 days, or set it to 2592000"},
	{"access-expiry", "ACCESS_TOKEN_EXPIRY was raised against sign-outs: a stolen token is then good for as long, and nothing ends it",
		"leave it out, which is an hour: renewing is what this program does"},
	{"container-user", "the container runs as root",
		"run it as a user of its own (docker: user: 1000:1000) who owns the config and metadata folders"},
	{"library-writable", "the server may write to the library",
		"mount the library read-only (docker: :ro), unless it embeds metadata or takes uploads"},
	{"backups", "backups lie on the machine that they are of",
		"copy the backups (BACKUP_PATH) to another machine, and try one"},
	{"image", "the image is `latest` and never pulled, or updates by itself over night",
		"pin a release, read its notes, and update on a day of your choice; the check `release` says what yours lacks"},
	{"stale-users", "users who left still have an account",
		"disable them in Settings, Users: their sessions end at once"},
	{"weak-passwords", "passwords are short or used elsewhere, root's too",
		"set long ones; Audiobookshelf asks for no length and has no second factor"},
	{"cloudflare-flexible", "Cloudflare's mode is Flexible: between Cloudflare and the server everything travels in clear",
		"set SSL/TLS to Full (strict), with a certificate at the server"},
	{"admin-audit", "nobody reads who signed in: Audiobookshelf keeps no record of what admins do",
		"read its log of sign-ins (Settings, Logs) now and then, and have few admins"},
}
