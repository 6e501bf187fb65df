//go:build linux

package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
)

// The client library has one bus for a program. Each case therefore runs this binary again, with a bus of its own.
const inChild = "SOTTO_KEYRING_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(inChild) {
	case "":
		os.Exit(m.Run())
	case "script":
		for _, step := range os.Args[1:] {
			fmt.Println(perform(step))
		}
	case "keeps":
		// This part of the tests, as a whole, against the keyring of this environment.
		os.Args = []string{os.Args[0], "-test.run=^TestSystemKeeps$", "-test.v"}
		os.Exit(m.Run())
	}
}

// theSystem is the keyring of a script; its patience is long enough for a busy machine, unless the script says otherwise.
var theSystem = newSystem(20 * time.Second)

// perform does one step of a script: set, secret or delete, a colon, a name. It prints the result as the name of an error of ours.
func perform(step string) string {
	what, name, _ := strings.Cut(step, ":")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	var secret []byte
	switch what {
	case "set":
		err = theSystem.Set(ctx, name, []byte("secret of "+name))
	case "secret":
		secret, err = theSystem.Secret(ctx, name)
	case "delete":
		err = theSystem.Delete(ctx, name)
	case "patience":
		limit, err := time.ParseDuration(name)
		if err != nil {
			return err.Error()
		}
		theSystem = newSystem(limit)
	case "wait":
		long, err := time.ParseDuration(name)
		if err != nil {
			return err.Error()
		}
		time.Sleep(long)
	case "impatient":
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err = theSystem.Secret(ctx, name)
	}
	for ours, text := range map[error]string{
		ErrNotFound: "not found", ErrAbsent: "absent", ErrLocked: "locked", ErrTimeout: "timeout", ErrNotKept: "not kept", ErrDamaged: "damaged",
	} {
		if errors.Is(err, ours) {
			return text
		}
	}
	if err != nil {
		return err.Error()
	}
	return "ok " + string(secret)
}

// script runs the steps in a program of its own and returns what each of them gave.
func script(t *testing.T, env []string, steps ...string) []string {
	t.Helper()
	c := exec.Command(os.Args[0], steps...)
	c.Env = append(environment(), inChild+"=script")
	c.Env = append(c.Env, env...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v, after %q", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// environment is ours without what leads to a bus or a display of the person who runs the tests.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"}, name)
	})
}

// TestGnomeKeyring puts the keyring of the system through what every keyring promises, on a real one.
func TestGnomeKeyring(t *testing.T) {
	s := keyringtest.Start(t)
	c := exec.Command(os.Args[0])
	c.Env = append(append(environment(), inChild+"=keeps"), s.Env...)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestSystemKeeps") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestSystemKeeps is what TestGnomeKeyring runs.
func TestSystemKeeps(t *testing.T) {
	if os.Getenv(inChild) != "keeps" {
		t.Skip("run by TestGnomeKeyring, on a bus of its own")
	}
	testKeeps(t, OS())
	start := time.Now()
	const rounds = 50
	for range rounds {
		if err := OS().Set(t.Context(), "name", []byte("secret")); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("setting and reading back took %v", time.Since(start)/rounds)
}

// TestKeptAfterTheProgramEnded: another run of the program finds the secret, and only under its name.
func TestKeptAfterTheProgramEnded(t *testing.T) {
	s := keyringtest.Start(t)
	want(t, script(t, s.Env, "set:k3.key"), "ok ")
	want(t, script(t, s.Env, "secret:k3.key", "secret:k3", "delete:k3.key", "secret:k3.key"), "ok secret of k3.key", "not found", "ok ", "not found")
}

// TestOpaque: what every program can list tells neither an address nor a secret.
func TestOpaque(t *testing.T) {
	s := keyringtest.Start(t)
	want(t, script(t, s.Env, "set:k3"), "ok ")
	items := s.Items(t)
	if len(items) != 1 || !strings.Contains(items[0], "k3") || strings.Contains(items[0], "secret of") {
		t.Errorf("listed: %q", items)
	}
}

func TestTwoServicesAreSeparate(t *testing.T) {
	a, b := keyringtest.Start(t), keyringtest.Start(t)
	want(t, script(t, a.Env, "set:name"), "ok ")
	want(t, script(t, b.Env, "secret:name"), "not found")
}

// TestNoBus: nothing is tried, and above all no bus is started that nobody would end.
func TestNoBus(t *testing.T) {
	dir := t.TempDir()
	marker := dir + "/started"
	launcher := "#!/bin/sh\ntouch " + marker + "\n"
	for _, name := range []string{"dbus-launch", "dbus-daemon"} {
		if err := os.WriteFile(dir+"/"+name, []byte(launcher), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{"", "autolaunch:", "autolaunch:scope=install-path"} {
		env := []string{"PATH=" + dir, "DBUS_SESSION_BUS_ADDRESS=" + address}
		want(t, script(t, env, "set:name", "secret:name", "delete:name"), "absent", "absent", "absent")
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a bus was started")
	}
}

func TestNoUsableService(t *testing.T) {
	steps := []string{"set:name", "secret:name", "delete:name"}
	tests := []struct {
		name string
		env  func(t *testing.T) []string
	}{
		{"bus without a service", func(t *testing.T) []string { return keyringtest.StartBus(t).Env }},
		{"socket that is not there", func(*testing.T) []string {
			return []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus"}
		}},
		{"not an address", func(*testing.T) []string { return []string{"DBUS_SESSION_BUS_ADDRESS=nonsense"} }},
		{"service that never had a keyring", func(t *testing.T) []string { return keyringtest.StartWithout(t).Env }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			want(t, script(t, test.env(t), steps...), "absent", "absent", "absent")
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestLocked: a real keyring that is locked, with nowhere to show a prompt.
func TestLocked(t *testing.T) {
	s := keyringtest.Start(t)
	want(t, script(t, s.Env, "set:name"), "ok ")
	s.Lock(t)
	want(t, script(t, s.Env, "secret:name", "set:name", "delete:name"), "locked", "locked", "locked")
}

func TestMisbehavingServices(t *testing.T) {
	tests := []struct {
		name      string
		behaviour keyringtest.Behaviour
		steps     []string
		want      []string
	}{
		{"honest", keyringtest.Honest,
			[]string{"secret:name", "set:name", "secret:name", "delete:name", "secret:name"},
			[]string{"not found", "ok ", "ok secret of name", "ok ", "not found"}},
		{"prompt unanswered", keyringtest.NeverPrompts, []string{"patience:1s", "secret:name", "set:name"}, []string{"ok ", "timeout", "timeout"}},
		{"prompt dismissed", keyringtest.Dismisses, []string{"secret:name", "set:name", "delete:name"}, []string{"locked", "locked", "locked"}},
		{"access denied", keyringtest.Denies, []string{"secret:name", "set:name", "delete:name"}, []string{"locked", "locked", "locked"}},
		{"prompt for the new item dismissed", keyringtest.DropsItem, []string{"set:name"}, []string{"not kept"}},
		{"says it kept the item", keyringtest.Forgets, []string{"set:name"}, []string{"not kept"}},
		{"kept something else", keyringtest.Alters, []string{"set:name", "secret:name"}, []string{"not kept", "damaged"}},
		{"prompt answered in another form", keyringtest.Unforeseen, []string{"secret:name", "set:name"}, []string{"absent", "absent"}},
		{"prompt for deleting dismissed", keyringtest.KeepsDeleted, []string{"set:name", "delete:name", "secret:name"}, []string{"ok ", "locked", "ok secret of name"}},
		{"prompt answered too late", keyringtest.PromptsLate,
			[]string{"patience:500ms", "set:name", "patience:20s", "wait:3s", "secret:name", "set:name", "secret:name"},
			[]string{"ok ", "timeout", "ok ", "ok ", "not found", "ok ", "ok secret of name"}},
		{"never answers", keyringtest.NoAnswer, []string{"patience:1s", "secret:name"}, []string{"ok ", "timeout"}},
		{"the caller has less patience", keyringtest.NoAnswer, []string{"impatient:name", "impatient:name"}, []string{"timeout", "timeout"}},
		{"many calls that hang", keyringtest.NoAnswer,
			[]string{"impatient:a", "impatient:a", "impatient:a", "impatient:a", "impatient:a", "impatient:a"},
			[]string{"timeout", "timeout", "timeout", "timeout", "timeout", "timeout"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := keyringtest.StartBus(t)
			s.Mock(t, test.behaviour)
			want(t, script(t, s.Env, test.steps...), test.want...)
		})
	}
}
