package refusal

import (
	"net/http"
	"time"
)

// fullRetry is when a player may try again whose report could not be kept.
const fullRetry = time.Minute

// All answers of our own, by name.
var (
	FarAway = &Refusal{
		Name:   "far-away",
		Status: http.StatusForbidden,
		Cause:  "this port serves programs on this machine only",
		Remedy: "run the player on the machine that runs shelfkeeper",
	}
	BadTarget = &Refusal{
		Name:   "bad-target",
		Status: http.StatusBadRequest,
		Cause:  "the request does not name a path of this server",
		Remedy: "use this address as a server, not as an HTTP proxy",
	}
	BadMethod = &Refusal{
		Name:   "bad-method",
		Status: http.StatusMethodNotAllowed,
		Cause:  "this method is never forwarded",
		Remedy: "use GET, HEAD, POST, PATCH, PUT, DELETE or OPTIONS",
	}
	BadPath = &Refusal{
		Name:   "bad-path",
		Status: http.StatusBadRequest,
		Cause:  "the path could be read in two ways",
		Remedy: "send it in UTF-8, without dotted segments and without escaped slashes, dots, percent signs or control characters",
	}
	BadStart = &Refusal{
		Name:   "bad-start",
		Status: http.StatusBadRequest,
		Cause:  "from= names no moment at which a playlist can begin",
		Remedy: "use from=place, or a whole number of seconds",
	}
	WrongHost = &Refusal{
		Name:   "wrong-host",
		Status: http.StatusMisdirectedRequest,
		Cause:  "the Host header does not name this server",
		Remedy: "use the address http://127.0.0.1 with this server's port",
	}
	OtherOrigin = &Refusal{
		Name:   "other-origin",
		Status: http.StatusForbidden,
		Cause:  "a page of another origin asked for this",
		Remedy: "open this server's own address in the browser",
	}
	ToNumeric = &Refusal{
		Name:   "to-127.0.0.1",
		Status: http.StatusTemporaryRedirect,
		Cause:  "pages are served at 127.0.0.1 only, apart from the other programs on localhost",
		Remedy: "follow the redirect",
	}
	NoUpgrade = &Refusal{
		Name:   "no-upgrade",
		Status: http.StatusNotImplemented,
		Cause:  "only the live socket at /socket.io/ may change to another protocol",
		Remedy: "ask in plain HTTP/1.1",
	}
	NoSocketPath = &Refusal{
		Name:   "no-socket-path",
		Status: http.StatusNotFound,
		Cause:  "the live socket has one path, /socket.io/ with the slash",
		Remedy: "set the path of the player's Socket.IO to /socket.io/",
	}
	NoSocket = &Refusal{
		Name:   "no-socket",
		Status: http.StatusNotImplemented,
		Cause:  "live sockets do not go through this server",
		Remedy: "switch live updates off in the player; everything else works without them",
	}
	TooMany = &Refusal{
		Name:   "too-many-tries",
		Status: http.StatusTooManyRequests,
		Cause:  "the password was wrong too often",
		Remedy: "wait as Retry-After says, or sign in with a grant, which never waits",
	}
	BadRefresh = &Refusal{
		Name:   "bad-refresh-token",
		Status: http.StatusUnauthorized,
		Cause:  "the player's refresh token belongs to no grant that is still valid",
		Remedy: "sign in again with a grant's secret as the password",
	}
	SlowBody = &Refusal{
		Name:   "slow-body",
		Status: http.StatusRequestTimeout,
		Cause:  "the request's body did not arrive",
		Remedy: "send it at once",
	}
	BadBody = &Refusal{
		Name:   "bad-body",
		Status: http.StatusBadRequest,
		Cause:  "the request's body is broken",
		Remedy: "send it as HTTP/1.1 asks for, and with the length that it announces",
	}
	UnknownFate = &Refusal{
		Name:   "unknown-fate",
		Status: http.StatusGatewayTimeout,
		Cause:  "the connection to the Audiobookshelf server broke when the request had been sent: it may have been done or not",
		Remedy: "look at the server before you send it once more",
	}
	TooLarge = &Refusal{
		Name:   "too-large",
		Status: http.StatusRequestEntityTooLarge,
		Cause:  "the body is many times larger than this request needs",
		Remedy: "send what the server's API asks for",
	}
	NotKept = &Refusal{
		Name:   "not-kept",
		Status: http.StatusServiceUnavailable,
		Retry:  RetryAfter,
		Cause:  "the change could not be written to disk",
		Remedy: "make room on the disk that holds shelfkeeper's state",
	}
	NoOpenID = &Refusal{
		Name:   "no-openid",
		Status: http.StatusNotImplemented,
		Cause:  "this server does not lead to an identity provider, since shelfkeeper holds the session",
		Remedy: "sign in with a grant's secret as the password, or run `shelfkeeper open`",
	}
	NoPassword = &Refusal{
		Name:   "no-password-change",
		Status: http.StatusNotImplemented,
		Cause:  "this account's password cannot be changed through this server",
		Remedy: "change it on the Audiobookshelf server itself, then run `shelfkeeper login` again",
	}
	NotChanged = &Refusal{
		Name:   "not-changed",
		Status: http.StatusServiceUnavailable,
		Retry:  RetryAfter,
		Cause:  "the server has not said that the password is changed",
		Remedy: "look at `shelfkeeper status`, then try again",
	}
	OwnSession = &Refusal{
		Name:   "own-session",
		Status: http.StatusForbidden,
		Cause:  "this may be the session that shelfkeeper holds for every player",
		Remedy: "run `shelfkeeper logout` to end it, or end others on the Audiobookshelf server itself",
	}
	OpenedAlready = &Refusal{
		Name:   "opened-already",
		Status: http.StatusGone,
		Cause:  "this address has been opened already, or its 30 seconds are over",
		Remedy: "run `shelfkeeper open` again, or use the tray",
	}
	ExtraGrant = &Refusal{
		Name:   "extra-needs-grant",
		Status: http.StatusUnauthorized,
		Cause:  "through this address every program needs a grant",
		Remedy: "make one with `shelfkeeper players add NAME` and give it to the player as its password or API key",
	}
	NoSignIn = &Refusal{
		Name:   "no-sign-in",
		Status: http.StatusNotImplemented,
		Cause:  "this server does not offer this way of signing in, since shelfkeeper holds the session",
		Remedy: "let the player use this address without signing in, or give it a grant as its password or API key",
	}
	BadGrant = &Refusal{
		Name:   "bad-grant",
		Status: http.StatusUnauthorized,
		Words:  "Unauthorized",
		Cause:  "the player's token or password is no valid grant",
		Remedy: "give it the current grant, or nothing at all if it runs as the same user",
	}
	NeedsGrant = &Refusal{
		Name:   "needs-grant",
		Status: http.StatusUnauthorized,
		Cause:  "without a grant only programs of the user who runs shelfkeeper are served, and the user of this one is not known or is another",
		Remedy: "make a grant with `shelfkeeper players add NAME` and give it to the player as its password or API key",
	}
	GrantOnly = &Refusal{
		Name:   "grant-only",
		Status: http.StatusUnauthorized,
		Cause:  "local_access = \"grant\" asks every program for a grant",
		Remedy: "make a grant with `shelfkeeper players add NAME` and give it to the player as its password or API key",
	}
	NoKey = &Refusal{
		Name:   "no-key",
		Status: http.StatusServiceUnavailable,
		Retry:  RetryAfter,
		Cause:  "shelfkeeper cannot check this token at the moment",
		Remedy: "unlock the keychain, or let the player present its grant's secret instead",
	}
	BeyondScope = &Refusal{
		Name:   "not-in-scope",
		Status: http.StatusForbidden,
		Cause:  "the player's scope does not allow this",
		Remedy: "give it a grant of a wider scope (`shelfkeeper players add NAME --scope full` or `admin`), " +
			"or do it on the Audiobookshelf server itself",
	}
	NotThere = &Refusal{
		Name:   "not-there",
		Status: http.StatusNotFound,
		Cause:  "the Audiobookshelf server is not known to have such an address",
		Remedy: "correct the method and the path, or use a grant of scope admin for what a newer server may have",
	}
	Paused = &Refusal{
		Name:   "paused",
		Status: http.StatusServiceUnavailable,
		Retry:  RetryAfter,
		Cause:  "this account is paused by its user",
		Remedy: "run `shelfkeeper resume`, or resume it in the tray",
	}
	Temporary = &Refusal{
		Name:    "temporary",
		Status:  http.StatusServiceUnavailable,
		Retry:   RetryAfter,
		Passing: true,
		Cause:   "the Audiobookshelf server cannot be reached at the moment",
		Remedy:  "try again shortly",
	}
	NoToken = &Refusal{
		Name:   "no-token",
		Status: http.StatusServiceUnavailable,
		Retry:  RetryAfter,
		Cause:  "there is no valid session with the Audiobookshelf server at the moment",
		Remedy: "try again shortly, or look at `shelfkeeper status`",
	}
	TokenRejected = &Refusal{
		Name:   "token-rejected",
		Status: http.StatusServiceUnavailable,
		Retry:  30 * time.Second,
		Cause:  "the Audiobookshelf server refuses this even with a fresh token",
		Remedy: "try again later, or look at `shelfkeeper status`",
	}
	AskAgain = &Refusal{
		Name:   "ask-again",
		Status: http.StatusServiceUnavailable,
		Retry:  time.Second,
		Cause:  "the session was renewed while this request was under way, and it is too large to be sent twice",
		Remedy: "send the request again",
	}
	Gateway401 = &Refusal{
		Name:   "gateway-401",
		Status: http.StatusServiceUnavailable,
		Retry:  30 * time.Second,
		Cause:  "something between here and Audiobookshelf asks for a sign-in of its own",
		Remedy: "sign in to that network or gateway, or set its headers in config.toml",
	}
	Elsewhere = &Refusal{
		Name:   "elsewhere",
		Status: http.StatusServiceUnavailable,
		Retry:  30 * time.Second,
		Cause:  "the answer was a redirect away from the Audiobookshelf server",
		Remedy: "sign in to that network or gateway, or correct the server's address",
	}
	Gateway = &Refusal{
		Name:   "gateway",
		Status: http.StatusServiceUnavailable,
		Retry:  30 * time.Second,
		Cause:  "something between here and Audiobookshelf answers in its place",
		Remedy: "look at `shelfkeeper status`",
	}
	GatewayTooLarge = &Refusal{
		Name:   "gateway-too-large",
		Status: http.StatusRequestEntityTooLarge,
		Cause:  "something between here and Audiobookshelf takes no body of this size",
		Remedy: "raise the gateway's limit for bodies",
	}
	Unreadable = &Refusal{
		Name:   "unreadable",
		Status: http.StatusBadGateway,
		Cause:  "the answer is encoded in a way that cannot be searched for tokens",
		Remedy: "switch compression off between here and the Audiobookshelf server",
	}
	JournalFull = &Refusal{
		Name:   "journal-full",
		Status: http.StatusServiceUnavailable,
		Retry:  fullRetry,
		Cause:  "the Audiobookshelf server cannot be reached, and no more reports of listening can be kept until it is back",
		Remedy: "let the player keep this report and try again later",
	}
	JournalDisk = &Refusal{
		Name:   "journal-disk",
		Status: http.StatusServiceUnavailable,
		Retry:  fullRetry,
		Cause:  "the Audiobookshelf server cannot be reached, and the report of listening cannot be written down",
		Remedy: "see `shelfkeeper status`: it says what keeps the report from the disk",
	}
)
