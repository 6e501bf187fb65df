package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sotto-im/sotto"

// arrows says what the packages of a room must never depend on, directly or through others. A path stands for itself and all below it.
var arrows = []struct {
	room, but string
	never     []string
}{
	{room: "/crypto", but: "/crypto/otr/otrtest", never: []string{module + "/session", module + "/ui", "fyne.io", "net", "os/exec", "os/signal"}},
	{room: "/session", never: []string{module + "/ui", "fyne.io"}},
	{room: "/session/xmpp", but: "/session/xmpp/xmpptest", never: []string{module + "/crypto", module + "/session/store", module + "/session/keyring"}},
	{room: "/session/store", never: []string{module + "/crypto", module + "/session/xmpp", module + "/session/keyring"}},
	{room: "/session/keyring", but: "/session/keyring/keyringtest", never: []string{module + "/crypto", module + "/session/xmpp", module + "/session/store"}},
	{room: "/ui/model", never: []string{"fyne.io"}},
	{room: "/ui", but: "/ui/e2e", never: []string{"fyne.io/fyne/v2/app", "fyne.io/fyne/v2/test"}},
}

// only says which packages of the module a room may import, and that it imports nothing else but the standard library.
var only = map[string][]string{
	"/crypto/libotr": {"/crypto/otr"},
}

// sole says which one room may import a package directly.
var sole = map[string]string{
	"golang.org/x/crypto/otr":       module + "/crypto/otr/otrtest/xcryptopeer", // a program that only tests run
	"github.com/xmppo/go-xmpp":      module + "/session/xmpp",
	"github.com/zalando/go-keyring": module + "/session/keyring",
	"fyne.io/fyne/v2/lang":          module + "/ui/lang", // it speaks the system's language only
}

func TestArrows(t *testing.T) {
	depends := imports(t, "Deps")
	for _, a := range arrows {
		guarded := 0
		for pkg, deps := range depends {
			if !under(pkg, module+a.room) || a.but != "" && under(pkg, module+a.but) {
				continue
			}
			guarded++
			for _, dep := range deps {
				for _, never := range a.never {
					if under(dep, never) {
						t.Errorf("%s depends on %s", pkg, dep)
					}
				}
			}
		}
		if guarded == 0 {
			t.Errorf("no package is in %s", a.room)
		}
	}
}

func TestSoleImporters(t *testing.T) {
	for pkg, direct := range imports(t, "Imports") {
		for _, imported := range direct {
			if room, ok := sole[imported]; ok && !under(pkg, room) {
				t.Errorf("%s imports %s, which is for %s", pkg, imported, room)
			}
		}
	}
}

func TestOnlyImports(t *testing.T) {
	direct := imports(t, "Imports")
	for room, may := range only {
		if len(direct[module+room]) == 0 {
			t.Errorf("%s imports nothing", room)
		}
		for _, imported := range direct[module+room] {
			first, _, _ := strings.Cut(imported, "/")
			own, isOwn := strings.CutPrefix(imported, module)
			if isOwn && !slices.Contains(may, own) || !isOwn && strings.Contains(first, ".") {
				t.Errorf("%s imports %s", room, imported)
			}
		}
	}
}

// imports maps every package of the module to one list that go list knows of it.
func imports(t *testing.T, field string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .`+field+` " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		packages[words[0]] = words[1:]
	}
	return packages
}

func under(pkg, path string) bool {
	return pkg == path || strings.HasPrefix(pkg, path+"/")
}
