package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// makePrivate makes dir. The profile's access list, inherited from the user's own directory, keeps others out.
func makePrivate(dir string) error { return os.MkdirAll(dir, dirMode) }

// lock takes the lock that belongs to path without waiting. The system releases it when the program ends, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION):
		f.Close()
		return nil, ErrInUse
	default:
		f.Close()
		return nil, fmt.Errorf("store: %w", &fs.PathError{Op: "lock", Path: path, Err: err})
	}
}
