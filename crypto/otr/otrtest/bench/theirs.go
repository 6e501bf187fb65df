//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// theirs is the process that does the work with libotr, see libotrbench/libotrbench.c.
type theirs struct {
	dir string
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startTheirs() (*theirs, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	t := &theirs{dir: dir}
	if err := t.start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return t, nil
}

func (t *theirs) start() error {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libotr").Output()
	if err != nil {
		return errors.New("libotr is missing; on Debian: apt-get install gcc pkg-config libotr5-dev")
	}
	program := filepath.Join(t.dir, "libotrbench")
	args := append([]string{"-O2", "-Wall", "-Werror", "-o", program, "libotrbench/libotrbench.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", append(args, "-lgcrypt")...).CombinedOutput(); err != nil {
		return fmt.Errorf("libotrbench does not compile: %w\n%s", err, out)
	}
	t.cmd = exec.Command(program)
	t.cmd.Stderr = os.Stderr
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	t.out = bufio.NewReader(out)
	return t.cmd.Start()
}

// work does the work of a round and returns what it took.
func (t *theirs) work(i item) (float64, error) {
	if _, err := fmt.Fprintf(t.in, "%s %d\n", i.name, i.count); err != nil {
		return 0, err
	}
	line, err := t.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

func (t *theirs) close() {
	t.in.Close()
	t.cmd.Wait()
	os.RemoveAll(t.dir)
}
