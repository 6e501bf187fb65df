package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWriteThenRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, content := range []string{"first", "", "a longer second one", string(bytes.Repeat([]byte("x"), 1<<20))} {
		if err := Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path, 1<<20)
		if err != nil || string(got) != content {
			t.Fatalf("read %d bytes, %v; wrote %d", len(got), err, len(content))
		}
		if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	onlyFile(t, path)
}

// TestFailingSteps: whichever step fails, the old content stays whole (or, after the renaming, the new one is) and nothing is left behind.
func TestFailingSteps(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		fail func(s *steps)
		want string
	}{
		{"write", func(s *steps) { s.write = func(*os.File, []byte) (int, error) { return 0, broken } }, "old"},
		{"short write", func(s *steps) {
			s.write = func(f *os.File, data []byte) (int, error) { n, _ := f.Write(data[:1]); return n, broken }
		}, "old"},
		{"sync", func(s *steps) { s.sync = func(*os.File) error { return broken } }, "old"},
		{"rename", func(s *steps) { s.rename = func(string, string) error { return broken } }, "old"},
		{"sync of the directory", func(s *steps) { s.syncDir = func(string) error { return broken } }, "new"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := Write(path, []byte("old")); err != nil {
				t.Fatal(err)
			}
			s := disk
			test.fail(&s)
			if err := s.replace(path, []byte("new")); !errors.Is(err, broken) {
				t.Errorf("error %v", err)
			}
			got, err := Read(path, 10)
			if err != nil || string(got) != test.want {
				t.Errorf("content %q, %v; want %q", got, err, test.want)
			}
			onlyFile(t, path)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(filepath.Join(dir, "missing"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	path := filepath.Join(dir, "f")
	if err := Write(path, []byte("eleven bytes")); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, 11); !errors.Is(err, ErrTooBig) {
		t.Errorf("too big: %v", err)
	}
	if _, err := Read(dir, 10); !errors.Is(err, ErrNotRegular) {
		t.Errorf("directory: %v", err)
	}
	if err := Write(dir, nil); !errors.Is(err, ErrNotRegular) {
		t.Errorf("write to a directory: %v", err)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, name := range []string{".new-f-ABC", ".new-f-", ".new-other-ABC", "f", "f.bad-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveLeftovers(path); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != 3 {
		t.Errorf("left: %q", names)
	}
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("directory holds %v, %v", entries, err)
	}
}
