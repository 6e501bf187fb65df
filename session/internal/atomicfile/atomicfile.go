// Package atomicfile replaces and reads small private files so that a reader finds the old content or the new, never a mixture,
// whatever happens to the program or the power in between.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotRegular means that something other than a regular file stands where the file belongs: a link, a pipe, a directory.
// It is neither followed, read nor replaced.
var ErrNotRegular = errors.New("atomicfile: not a regular file")

// ErrTooBig means that the file is larger than the limit given to Read.
var ErrTooBig = errors.New("atomicfile: file is too big")

const (
	privateMode = 0o600
	tempPrefix  = ".new-"
)

// Write replaces the content of path, which is made with mode 0600 when it is missing. When Write returns nil, the new content is on
// the disk: file and directory are flushed. When it returns an error the old content is still there, with one exception: if only the
// last step failed, flushing the directory, path has the new content but may have the old one again after a power cut.
func Write(path string, data []byte) error {
	return disk.replace(path, data)
}

// steps are those of Write that can fail for reasons outside the program; the tests let each of them fail.
type steps struct {
	write   func(f *os.File, data []byte) (int, error)
	sync    func(f *os.File) error
	rename  func(from, to string) error
	syncDir func(dir string) error
}

var disk = steps{write: (*os.File).Write, sync: (*os.File).Sync, rename: os.Rename, syncDir: syncDir}

func (s steps) replace(path string, data []byte) error {
	if err := checkRegular(path); err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	temp := filepath.Join(dir, tempPrefix+base+"-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, privateMode)
	if err != nil {
		return err
	}
	if err := s.fill(f, data); err != nil {
		os.Remove(temp)
		return err
	}
	if err := s.rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	return s.syncDir(dir)
}

// fill writes and flushes data and closes f, in any case.
func (s steps) fill(f *os.File, data []byte) error {
	_, err := s.write(f, data)
	if err == nil {
		err = s.sync(f)
	}
	return errors.Join(err, f.Close())
}

// Read returns the content of path, at most limit bytes of it. A missing file gives fs.ErrNotExist.
func Read(path string, limit int64) ([]byte, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	f, err := openNoFollow(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Looked at again, because path may have become another file between the check and the opening.
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrNotRegular}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrTooBig}
	}
	return data, nil
}

// RemoveLeftovers removes what interrupted calls of Write for path have left in its directory. The caller must be the only writer of path.
func RemoveLeftovers(path string) error {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix+base+"-") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func checkRegular(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "use", Path: path, Err: ErrNotRegular}
	}
	return nil
}
