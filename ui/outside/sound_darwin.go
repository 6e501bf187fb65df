package outside

import (
	"context"
	"os"
	"os/exec"
)

// play writes the sound where afplay finds it, and takes it away again.
func play(wave []byte) {
	f, err := os.CreateTemp("", "sotto-*.wav")
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	_, err = f.Write(wave)
	if f.Close() != nil || err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), playing)
	defer cancel()
	_ = exec.CommandContext(ctx, "/usr/bin/afplay", f.Name()).Run() // all that can be lost is a sound
}
