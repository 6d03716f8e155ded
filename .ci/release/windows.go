package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/tc-hib/winres"
	winversion "github.com/tc-hib/winres/version"
)

var leadingNumber = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)(?:-(\d+))?`)

// numbers are the four numbers that Windows knows a version by.
func (s *source) numbers() (four [4]uint16, err error) {
	m := leadingNumber.FindStringSubmatch(s.version)
	if m == nil {
		return four, fmt.Errorf("version %q does not begin with three numbers", s.version)
	}
	for i, text := range m[1:] {
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return four, err
		}
		four[i] = uint16(n)
	}
	return four, nil
}

// windowsResource lays the icon, the version and the manifest beside the
// program's sources, where the linker finds them.
func (s *source) windowsResource(t target, icons icons) error {
	four, err := s.numbers()
	if err != nil {
		return err
	}
	images, err := icons.images()
	if err != nil {
		return err
	}
	icon, err := winres.NewIconFromImages(images)
	if err != nil {
		return err
	}
	var set winres.ResourceSet
	if err := set.SetIcon(winres.Name("APPICON"), icon); err != nil {
		return err
	}
	set.SetManifest(winres.AppManifest{
		ExecutionLevel: winres.AsInvoker, Compatibility: winres.Win10AndAbove, LongPathAware: true, UseCommonControlsV6: true,
	})
	info := winversion.Info{FileVersion: four, ProductVersion: four, Timestamp: s.when}
	for key, value := range map[string]string{
		winversion.ProductName: "Shelfkeeper", winversion.FileDescription: "Shelfkeeper", winversion.CompanyName: "The Shelfkeeper authors",
		winversion.LegalCopyright: "© 2026 The Shelfkeeper authors, MIT licence", winversion.OriginalFilename: "shelfkeeper.exe",
		winversion.FileVersion: s.version, winversion.ProductVersion: s.version,
	} {
		if err := info.Set(winversion.LangDefault, key, value); err != nil {
			return err
		}
	}
	set.SetVersionInfo(info)
	out, err := os.Create(filepath.Join(s.tree, "cmd", "shelfkeeper", "rsrc_windows_"+t.arch+".syso"))
	if err != nil {
		return err
	}
	if err := set.WriteObject(out, winres.Arch(t.arch)); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// installer makes the Windows installer with NSIS.
func (s *source) installer(ctx context.Context, dist string, t target, program string, texts *texts) error {
	if _, err := exec.LookPath("makensis"); err != nil {
		return fmt.Errorf("the Windows installer needs NSIS (Debian's package nsis): %w", err)
	}
	four, err := s.numbers()
	if err != nil {
		return err
	}
	dir := filepath.Dir(program)
	images, err := texts.icons.images()
	if err != nil {
		return err
	}
	icon, err := winres.NewIconFromImages(images)
	if err != nil {
		return err
	}
	var ico bytes.Buffer
	if err := icon.SaveICO(&ico); err != nil {
		return err
	}
	script, err := s.template("installer.nsi")
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"shelfkeeper.ico": ico.Bytes(), "LICENSES.txt": texts.licences, "installer.nsi": script} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(filepath.Join(dir, name), s.when, s.when); err != nil {
			return err
		}
	}
	for _, p := range []string{program, windowless(program)} {
		if err := os.Chtimes(p, s.when, s.when); err != nil {
			return err
		}
	}
	out := filepath.Join(dist, fmt.Sprintf("shelfkeeper-%s-windows-%s-setup.exe", s.version, t.arch))
	c := exec.CommandContext(ctx, "makensis", "-V2", "-NOCD", "-DVERSION="+s.version,
		fmt.Sprintf("-DNUMBERS=%d.%d.%d.%d", four[0], four[1], four[2], four[3]), "-DOUT="+out, "installer.nsi")
	c.Dir = dir
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(s.when.Unix(), 10))
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("makensis: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}
