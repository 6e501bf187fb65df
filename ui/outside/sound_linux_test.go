package outside

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sotto-im/sotto/assets"
)

// A player gets the whole sound, by a name, and nothing stays behind; without a player nothing happens.
func TestPlayer(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	play([]byte("nobody plays this"))
	heard := filepath.Join(dir, "heard")
	script := "#!/bin/sh\n/bin/cat \"$1\" >" + heard + "\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "paplay"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	wave, err := assets.Sounds.ReadFile("sounds/" + string(Asked) + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	play(wave)
	if got, _ := os.ReadFile(heard); string(got) != string(wave) {
		t.Errorf("the player got %d bytes of %d", len(got), len(wave))
	}
}

func TestEverySoundIsThere(t *testing.T) {
	for _, s := range []Sound{Arrived, Asked} {
		if _, err := assets.Sounds.ReadFile("sounds/" + string(s) + ".wav"); err != nil {
			t.Error(err)
		}
	}
}
