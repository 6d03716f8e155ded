package main

import (
	"cmp"
	"context"
	"debug/elf"
	"path/filepath"
	"slices"
	"strings"
)

// part is a share of the program file.
type part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// partsOf tells which package belongs to which part: the first that its path begins with.
var partsOf = []struct{ prefix, part string }{
	{"shelfkeeper/daemon/absfake", "demo server"},
	{"image/jpeg", "demo server"},
	{"shelfkeeper/daemon/dashboard", "status page"},
	{"shelfkeeper/daemon/statuspage", "status page"},
	{"html", "status page"},
	{"text/template", "status page"},
	{"shelfkeeper/daemon/doctor", "doctor"},
	{"shelfkeeper/daemon/proxy", "players' address and sockets"},
	{"shelfkeeper/daemon/tokenfilter", "players' address and sockets"},
	{"shelfkeeper/daemon/upstream", "players' address and sockets"},
	{"shelfkeeper/daemon/players", "players' address and sockets"},
	{"shelfkeeper/wsconn", "players' address and sockets"},
	{"github.com/gorilla", "players' address and sockets"},
	{"shelfkeeper/daemon/session", "sessions and sign-in"},
	{"shelfkeeper/daemon/absapi", "sessions and sign-in"},
	{"shelfkeeper/daemon/home", "sessions and sign-in"},
	{"shelfkeeper/daemon/accounts", "sessions and sign-in"},
	{"github.com/golang-jwt", "sessions and sign-in"},
	{"shelfkeeper/daemon/progress", "journal of listening reports"},
	{"shelfkeeper/keychain", "vault: keychain, age"},
	{"filippo.io", "vault: keychain, age"},
	{"github.com/zalando", "vault: keychain, age"},
	{"golang.org/x/crypto", "vault: keychain, age"},
	{"shelfkeeper/tray", "tray, desktop, D-Bus"},
	{"shelfkeeper/daemon/desktop", "tray, desktop, D-Bus"},
	{"github.com/godbus", "tray, desktop, D-Bus"},
	{"shelfkeeper/assets", "tray, desktop, D-Bus"},
	{"main", "commands: own, cobra, pflag"},
	{"shelfkeeper/daemon/control", "commands: own, cobra, pflag"},
	{"github.com/spf13", "commands: own, cobra, pflag"},
	{"github.com/pelletier", "settings: TOML"},
	{"shelfkeeper/daemon/config", "settings: TOML"},
	{"golang.org/x/net/idna", "names in other scripts"},
	{"golang.org/x/text", "names in other scripts"},
	{"shelfkeeper", "the rest of ours"},
	{"crypto", "Go: TLS and cryptography"},
	{"math/big", "Go: TLS and cryptography"},
	{"encoding/asn1", "Go: TLS and cryptography"},
	{"vendor/golang.org/x/crypto", "Go: TLS and cryptography"},
	{"net/http", "Go: HTTP"},
	{"runtime", "Go: runtime"},
	{"internal/runtime", "Go: runtime"},
}

// measureParts builds the program with its symbols and shares out the size of the file.
// What the linker adds to each function, as its lines and stack maps, follows its code.
func measureParts(ctx context.Context, dir string, size int64) ([]part, error) {
	flags, err := releaseFlags(ctx)
	if err != nil {
		return nil, err
	}
	for i, flag := range flags {
		flags[i] = strings.Replace(flag, "-ldflags=-s -w", "-ldflags=-w", 1)
	}
	program := filepath.Join(dir, "with-symbols")
	if err := goBuild(ctx, program, flags); err != nil {
		return nil, err
	}
	file, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		return nil, err
	}
	data, code := make(map[string]int64), make(map[string]int64)
	var known, allCode int64
	for _, s := range symbols {
		if int(s.Section) >= len(file.Sections) || strings.HasPrefix(s.Name, "go:") {
			continue
		}
		switch section := file.Sections[s.Section]; {
		case section.Type != elf.SHT_PROGBITS: // not in the file
			continue
		case section.Name == ".text":
			code[partOf(s.Name)] += int64(s.Size)
			allCode += int64(s.Size)
		default:
			data[partOf(s.Name)] += int64(s.Size)
		}
		known += int64(s.Size)
	}
	var parts []part
	for name, n := range code {
		parts = append(parts, part{name, n + data[name] + int64(float64(size-known)*float64(n)/float64(allCode))})
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return parts, nil
}

// partOf finds the part of a symbol by the path of its package.
func partOf(symbol string) string {
	for _, kind := range []string{"type:.eq.", "type:.hash.", "type:.namedata.", "type:", "*", "[]", "*"} {
		symbol = strings.TrimPrefix(symbol, kind)
	}
	for _, p := range partsOf {
		if after, ok := strings.CutPrefix(symbol, p.prefix); ok && (after == "" || after[0] == '.' || after[0] == '/') {
			return p.part
		}
	}
	return "Go: the rest, and other libraries"
}
