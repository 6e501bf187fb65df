package main

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/assets"
)

// Whatever is linked here stands in the list, in the version that is linked, with its terms; and the list has nothing that no system links.
func TestTheListIsComplete(t *testing.T) {
	listed := make(map[string]assets.Licence)
	for _, l := range assets.Licences() {
		if l.Name == "" || l.Version == "" || l.Licence == "" || len(l.Text) < 100 {
			t.Errorf("%+v", l)
		}
		listed[l.Name] = l
	}
	linked, err := linked(runtime.GOOS)
	if err != nil {
		t.Fatal(err)
	}
	if len(linked) < 20 {
		t.Fatalf("only %d modules are linked", len(linked))
	}
	for _, m := range linked {
		if l := listed[m.path]; l.Version != m.version {
			t.Errorf("%s %s is linked and not listed so: %q; go generate ./assets", m.path, m.version, l.Version)
		}
		delete(listed, m.path)
	}
	own := []string{"Go"}
	for _, w := range inside {
		own = append(own, w.name)
	}
	required, err := output("go", "list", "-m", "-f", "{{.Path}}", "all")
	if err != nil {
		t.Fatal(err)
	}
	for name := range listed {
		if !slices.Contains(own, name) && !slices.Contains(strings.Fields(required), name) {
			t.Errorf("%s is listed and not linked: go generate ./assets", name)
		}
	}
}

func TestIdentify(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted, free\n of charge, to any": "MIT",
		"Neither the name of Google Inc.":                        "BSD-3-Clause",
		"GNU GENERAL PUBLIC LICENSE Version 3":                   "",
		"All rights reserved.":                                   "",
	} {
		if got, err := identify(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}
