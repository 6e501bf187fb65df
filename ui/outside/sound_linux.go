package outside

import (
	"context"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// players are what may be installed, the one that fits a present desktop best first. Each reads a file by its name.
var players = [][]string{{"pw-play"}, {"paplay"}, {"aplay", "-q"}}

// play hands the sound over in memory: a player finds it as its input, and nothing has to be removed.
func play(wave []byte) {
	player := findPlayer()
	if player == nil {
		return
	}
	fd, err := unix.MemfdCreate("sound", unix.MFD_CLOEXEC)
	if err != nil {
		return
	}
	file := os.NewFile(uintptr(fd), "sound")
	defer file.Close()
	if _, err := file.Write(wave); err != nil {
		return
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), playing)
	defer cancel()
	c := exec.CommandContext(ctx, player[0], append(player[1:], "/dev/stdin")...)
	c.Stdin = file
	_ = c.Run() // without a sound server it fails, and all that is lost is a sound
}

func findPlayer() []string {
	for _, p := range players {
		if path, err := exec.LookPath(p[0]); err == nil {
			return append([]string{path}, p[1:]...)
		}
	}
	return nil
}
