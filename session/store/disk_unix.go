//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

var (
	errNotDirectory = errors.New("not a directory")
	errOtherOwner   = errors.New("belongs to another user")
)

// makePrivate makes dir with mode 0700, or closes an existing one of ours to others.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: errNotDirectory}
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return &fs.PathError{Op: "open", Path: dir, Err: errOtherOwner}
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(dir, dirMode)
}

// lock takes the lock that belongs to path without waiting. The system releases it when the program ends, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	switch {
	case err == nil:
		return f, nil
	case err == syscall.EWOULDBLOCK:
		f.Close()
		return nil, ErrInUse
	default:
		f.Close()
		return nil, fmt.Errorf("store: %w", &fs.PathError{Op: "lock", Path: path, Err: err})
	}
}
