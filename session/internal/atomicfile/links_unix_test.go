//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestNotRegular: what stands in the place of the file is not followed, not waited for and not replaced.
func TestNotRegular(t *testing.T) {
	tests := []struct {
		name string
		make func(path string) error
	}{
		{"symbolic link", func(path string) error { return os.Symlink(path+".target", path) }},
		{"symbolic link to nothing", func(path string) error { return os.Symlink("/nonexistent/f", path) }},
		{"FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"directory", func(path string) error { return os.Mkdir(path, 0o700) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path+".target", []byte("theirs"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(path, 10); !errors.Is(err, ErrNotRegular) {
				t.Errorf("Read: %v", err)
			}
			if err := Write(path, []byte("ours")); !errors.Is(err, ErrNotRegular) {
				t.Errorf("Write: %v", err)
			}
			if got, _ := os.ReadFile(path + ".target"); string(got) != "theirs" {
				t.Errorf("the target of the link has become %q", got)
			}
		})
	}
}
