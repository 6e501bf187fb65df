// Licences writes assets/licences.json: under which terms everything that is built into the program may be passed on. It looks into the
// modules that are linked on any of the systems the program is built for: go generate ./assets.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const (
	file   = "licences.json"
	module = "github.com/sotto-im/sotto"
	tags   = "migrated_fynedo"
)

// systems are those the program is built for.
var systems = []string{"linux", "windows", "darwin"}

// A work is one thing that is built in. The names are those of assets.Licence.
type work struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Licence string `json:"licence"` // by its SPDX identifier
	Text    string `json:"text"`
}

// inside are works that stand in a module under terms of their own: the folder, the files' beginning, and how they are called.
var inside = []struct{ module, folder, begin, name string }{
	{"fyne.io/fyne/v2", "theme/font", "LICENSE.txt", "Noto Sans"},
	{"fyne.io/fyne/v2", "theme/font", "LICENSE_DejaVu", "DejaVu Sans Mono for Powerline"},
	{"fyne.io/fyne/v2", "theme/font", "LICENSE_EmojiOneColor", "EmojiOne Color"},
	{"fyne.io/fyne/v2", "theme/font", "LICENSE_Inter", "Inter"},
	{"github.com/go-gl/glfw/v3.4/glfw", "glfw", "LICENSE", "GLFW"},
}

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func write() error {
	all := []work{{Name: "Go", Version: strings.TrimPrefix(runtime.Version(), "go"), Licence: "BSD-3-Clause"}}
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return err
	}
	if all[0].Text, err = texts(strings.TrimSpace(root), ""); err != nil {
		return err
	}
	modules, err := linked(systems...)
	if err != nil {
		return err
	}
	for _, m := range modules {
		works, err := m.works()
		if err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		all = append(all, works...)
	}
	slices.SortFunc(all, func(a, b work) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	data, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// A mod is a module that is linked.
type mod struct{ path, version, dir string }

// linked are the modules whose packages are in the program on any of the systems.
func linked(systems ...string) ([]mod, error) {
	found := make(map[string]mod)
	for _, system := range systems {
		c := exec.Command("go", "list", "-deps", "-tags", tags, "-f", "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}", module)
		c.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=1")
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		for line := range strings.Lines(string(out)) {
			if m := strings.Split(strings.TrimSpace(line), "\t"); len(m) == 3 && m[0] != module {
				found[m[0]] = mod{m[0], m[1], m[2]}
			}
		}
	}
	var all []mod
	for _, m := range found {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b mod) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

func (m mod) works() ([]work, error) {
	text, err := texts(m.dir, "")
	if err != nil {
		return nil, err
	}
	licence, err := identify(text)
	if err != nil {
		return nil, err
	}
	works := []work{{m.path, m.version, licence, text}}
	for _, w := range inside {
		if w.module != m.path {
			continue
		}
		text, err := texts(filepath.Join(m.dir, w.folder), w.begin)
		if err != nil {
			return nil, err
		}
		licence, err := identify(text)
		if err != nil {
			return nil, err
		}
		works = append(works, work{w.name, "in " + m.path + " " + m.version, licence, text})
	}
	return works, nil
}

// texts are the terms that stand in a folder, in files that begin as given.
func texts(dir, begin string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var all []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		about := strings.HasPrefix(name, "LICEN") || strings.HasPrefix(name, "COPYING") || strings.HasPrefix(name, "NOTICE") || strings.HasPrefix(name, "PATENTS")
		if e.IsDir() || !about || !strings.HasPrefix(e.Name(), begin) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		all = append(all, strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n")))
	}
	if len(all) == 0 {
		return "", errors.New("it says nothing about its terms in " + dir)
	}
	return strings.Join(all, "\n\n"), nil
}

// signs are words that stand in one licence and in no other, the more special ones first.
var signs = []struct{ words, licence string }{
	{"Mozilla Public License", "MPL-2.0"},
	{"GNU GENERAL PUBLIC LICENSE", ""}, // not to be linked
	{"GNU LESSER GENERAL PUBLIC LICENSE", ""},
	{"Apache License", "Apache-2.0"},
	{"SIL OPEN FONT LICENSE", "OFL-1.1"},
	{"Bitstream Vera Fonts Copyright", "Bitstream-Vera"},
	{"This software is provided 'as-is'", "Zlib"},
	{"Neither the name", "BSD-3-Clause"},
	{"be used to endorse or promote products", "BSD-3-Clause"},
	{"Redistributions in binary form", "BSD-2-Clause"},
	{"without charge, to any person obtaining a copy", "MIT"},
	{"Permission is hereby granted, free of charge", "MIT"},
	{"Permission to use, copy, modify, and/or distribute", "ISC"},
	{"Permission to use, copy, modify, and distribute", "ISC"},
	{"unencumbered software released into the public domain", "Unlicense"},
}

func identify(text string) (string, error) {
	folded := strings.Join(strings.Fields(text), " ")
	for _, s := range signs {
		if strings.Contains(folded, s.words) {
			if s.licence == "" {
				break
			}
			return s.licence, nil
		}
	}
	return "", errors.New("its licence is not one that is known")
}

func output(name string, arguments ...string) (string, error) {
	out, err := exec.Command(name, arguments...).Output()
	return string(out), err
}
