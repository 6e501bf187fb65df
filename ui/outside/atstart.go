package outside

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writeEntry writes a small file of the person's, and the folders it stands in.
func writeEntry(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func removeEntry(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
