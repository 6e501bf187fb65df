package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// folders are where the endpoints that are written in Go are.
var folders = map[string]string{"ours": "otrpeer", "xcrypto": "xcryptopeer"}

// Programs are the endpoints that were built, by name. Keys for them, and whatever else belongs to them, go into the same
// folder.
type Programs map[string]string

// Build makes endpoints, "libotr" or one of those written in Go, and hands them to use. Afterwards they are gone. It must
// run in a folder beside theirs.
func Build(names []string, use func(Programs) int) (code int, err error) {
	dir, err := os.MkdirTemp("", "sotto-endpoints-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	programs := Programs{}
	for _, name := range names {
		programs[name] = filepath.Join(dir, name)
		build := buildGo
		if name == "libotr" {
			build = buildLibotr
		}
		if err := build(name, programs[name]); err != nil {
			return 1, err
		}
	}
	return use(programs), nil
}

func buildGo(name, program string) error {
	if out, err := exec.Command("go", "build", "-o", program, "../"+folders[name]).CombinedOutput(); err != nil {
		return fmt.Errorf("interop: %s does not compile: %w\n%s", folders[name], err, out)
	}
	return nil
}

func buildLibotr(name, program string) error {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", name).Output()
	if err != nil {
		return errors.New("interop: libotr is missing; on Debian: apt-get install gcc pkg-config libotr5-dev libotr5-bin")
	}
	args := append([]string{"-O2", "-Wall", "-Werror", "-o", program, "../libotrpeer/libotrpeer.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", append(args, "-lgcrypt")...).CombinedOutput(); err != nil {
		return fmt.Errorf("interop: libotrpeer does not compile (on Debian: apt-get install gcc libotr5-dev): %w\n%s", err, out)
	}
	return nil
}
