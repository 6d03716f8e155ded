package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/arch" // registers itself
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const (
	maintainer  = "The Shelfkeeper authors <shelfkeeper@users.noreply.github.com>"
	description = `keeps you signed in to Audiobookshelf, for every program on the desktop
 Audiobookshelf replaces a session's token at each renewal. A client that
 loses one replacement is signed out.
 Shelfkeeper holds the session in the desktop's keychain, renews it in the
 background, and serves players at an address of this machine.`
)

// systemFiles is what a Linux package installs besides the program.
func (s *source) systemFiles(texts *texts) ([]file, error) {
	out := []file{
		{"usr/share/doc/shelfkeeper/copyright", 0o644, texts.copyright},
		{"usr/share/doc/shelfkeeper/changelog.Debian.gz", 0o644, texts.changelog},
		// A Go program carries its libraries by design.
		{"usr/share/lintian/overrides/shelfkeeper", 0o644, []byte("shelfkeeper: statically-linked-binary [usr/bin/shelfkeeper]\n")},
	}
	for from, to := range map[string]string{
		"shelfkeeper.desktop":      "usr/share/applications/" + appID + ".desktop",
		"shelfkeeper.metainfo.xml": "usr/share/metainfo/" + appID + ".metainfo.xml",
		"shelfkeeper.service":      "usr/lib/systemd/user/shelfkeeper.service",
	} {
		data, err := s.template(from)
		if err != nil {
			return nil, err
		}
		out = append(out, file{to, 0o644, data})
	}
	for _, f := range texts.manual {
		out = append(out, file{"usr/share/man/man1/" + f.name + ".gz", 0o644, zipped(f.data)})
	}
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/shelfkeeper",
		"zsh":  "usr/share/zsh/site-functions/_shelfkeeper",
		"fish": "usr/share/fish/vendor_completions.d/shelfkeeper.fish",
	} {
		out = append(out, file{name, 0o644, texts.completions[shell]})
	}
	for _, f := range texts.icons.hicolor() {
		out = append(out, file{"usr/share/icons/hicolor/" + f.name, f.mode, f.data})
	}
	return out, nil
}

// packages writes a .deb, an .rpm and an Arch package.
func (s *source) packages(_ context.Context, dist string, t target, program []byte, texts *texts) error {
	all, err := s.systemFiles(texts)
	if err != nil {
		return err
	}
	all = append(all, file{"usr/bin/shelfkeeper", 0o755, program})
	stage := filepath.Join(s.work, "stage-"+t.arch)
	for _, kind := range []string{"deb", "rpm", "archlinux"} {
		info, err := s.packageInfo(kind, t, stage, all)
		if err != nil {
			return err
		}
		packager, err := nfpm.Get(kind)
		if err != nil {
			return err
		}
		info = nfpm.WithDefaults(info)
		name := filepath.Join(dist, packager.ConventionalFileName(info))
		out, err := os.Create(name)
		if err != nil {
			return err
		}
		if err := packager.Package(info, out); err != nil {
			out.Close()
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) packageInfo(kind string, t target, stage string, all []file) (*nfpm.Info, error) {
	info := &nfpm.Info{
		Name: "shelfkeeper", Arch: t.arch, Platform: "linux", Version: s.packageVersion(), VersionSchema: "none",
		Section: "net", Priority: "optional", Maintainer: maintainer, Vendor: "The Shelfkeeper authors",
		Description: description, License: "MIT", MTime: s.when, DisableGlobbing: true,
	}
	info.Release = "1"
	info.Recommends = []string{"gnome-keyring | kwalletmanager | keepassxc", "xdg-utils"}
	info.Deb.Compression = "xz"
	if kind != "deb" {
		info.Recommends = nil
	}
	if kind == "archlinux" {
		info.ArchLinux.Packager = maintainer
	}
	for _, f := range sorted(all) {
		if kind != "deb" && (strings.HasSuffix(f.name, "/changelog.Debian.gz") || strings.Contains(f.name, "/lintian/")) {
			continue // the others carry none
		}
		local := filepath.Join(stage, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(local), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(local, f.data, f.mode); err != nil {
			return nil, err
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: local, Destination: "/" + f.name,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: fs.FileMode(f.mode), MTime: s.when},
		})
	}
	for script, where := range map[string]*string{"postinstall.sh": &info.Scripts.PostInstall, "preremove.sh": &info.Scripts.PreRemove,
		"postremove.sh": &info.Scripts.PostRemove} {
		*where = filepath.Join(s.tree, ".ci", "release", "package", path.Join(kind, script))
		if _, err := os.Stat(*where); err != nil {
			*where = filepath.Join(s.tree, ".ci", "release", "package", script)
		}
	}
	return info, nil
}
