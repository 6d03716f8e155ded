package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// pack writes everything of one target into dist.
func (s *source) pack(ctx context.Context, dist string, t target, program string, texts *texts) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("shelfkeeper-%s-%s-%s", s.version, t.os, t.arch)
	programs := []file{{programName(t), 0o755, binary}}
	if t.os == "windows" {
		second, err := os.ReadFile(windowless(program))
		if err != nil {
			return err
		}
		programs = append(programs, file{windowless(programName(t)), 0o755, second})
	}
	if err := s.archive(dist, name, t, programs, texts); err != nil {
		return err
	}
	bom, err := s.sbom(t, binary, texts.modules)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dist, name+".cdx.json"), bom, 0o644); err != nil {
		return err
	}
	switch t.os {
	case "linux":
		return s.packages(ctx, dist, t, binary, texts)
	case "windows":
		return s.installer(ctx, dist, t, program, texts)
	}
	return nil
}

// archive writes the program with what a person reads: a .zip for Windows, a
// .tar.gz for the others.
func (s *source) archive(dist, name string, t target, programs []file, texts *texts) error {
	readme, err := os.ReadFile(filepath.Join(s.tree, "README.md"))
	if err != nil {
		return err
	}
	all := append(programs,
		file{"README.md", 0o644, readme},
		file{"LICENSES.txt", 0o644, texts.licences},
	)
	for shell, data := range texts.completions {
		ending := shell
		if shell == "powershell" {
			ending = "ps1"
		}
		all = append(all, file{"completions/shelfkeeper." + ending, 0o644, data})
	}
	if t.os == "windows" {
		out, err := zipball(name, all, s.when)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dist, name+".zip"), out, 0o644)
	}
	for _, f := range texts.manual {
		all = append(all, file{"man/" + f.name, f.mode, f.data})
	}
	if t.os == "darwin" {
		note, err := s.template("DARWIN.txt")
		if err != nil {
			return err
		}
		all = append(all, file{"READ-THIS-FIRST.txt", 0o644, note})
	}
	out, err := tarball(name, all, s.when)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dist, name+".tar.gz"), out, 0o644)
}

func programName(t target) string {
	if t.os == "windows" {
		return "shelfkeeper.exe"
	}
	return "shelfkeeper"
}
