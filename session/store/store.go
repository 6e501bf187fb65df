// Package store keeps settings, contacts' keys and trust on disk: one JSON file, written atomically, mode 0600. Never a message, never a secret.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sotto-im/sotto/session/internal/atomicfile"
)

var (
	// ErrInUse means that another Sotto works with the same directory.
	ErrInUse = errors.New("store: the profile is in use by another Sotto")
	// ErrNewer means that the settings were written by a later version of Sotto. They are left as they are.
	ErrNewer = errors.New("store: the settings were written by a newer Sotto")
	// ErrInvalid means that a change would have put into the settings what could not be read back. It was not made.
	ErrInvalid = errors.New("store: invalid settings")
	// ErrClosed means that the store is closed.
	ErrClosed = errors.New("store: closed")
)

const (
	settingsName = "settings.json"
	lockName     = "sotto.lock"
	maxSize      = 64 << 20 // of the file; ten thousand contacts with ten keys each take a third of it
	dirMode      = 0o700
	fileMode     = 0o600
)

// Store keeps one profile. Its methods may be called from any goroutine.
type Store struct {
	dir     string // "" in memory
	lock    *os.File
	damaged string

	now atomic.Pointer[Settings] // never changed in place, so that readers do not wait for the disk

	changing sync.Mutex // held by Update and Close
	written  []byte     // what is known to be on the disk; nil when that is not known
	closed   bool
}

// Open reads the profile in dir, which is made with mode 0700 when it is missing, and locks it against a second Sotto (ErrInUse).
// dir "" keeps everything in memory. A settings file that cannot be understood is set aside as settings.json.bad-<time>, Damaged
// reports that path, and the settings begin empty. The error is an *fs.PathError, ErrInUse or ErrNewer; nothing has been changed then.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	s.now.Store(&Settings{Version: Version})
	if dir == "" {
		return s, nil
	}
	if err := makePrivate(dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var err error
	if s.lock, err = lock(filepath.Join(dir, lockName)); err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

// read fills s.now, or sets a damaged file aside.
func (s *Store) read() error {
	path := filepath.Join(s.dir, settingsName)
	if err := atomicfile.RemoveLeftovers(path); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	data, err := atomicfile.Read(path, maxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, atomicfile.ErrTooBig) {
		return fmt.Errorf("store: %w", err)
	}
	var settings *Settings
	if err == nil {
		settings, err = parse(data)
	}
	if errors.Is(err, ErrNewer) {
		return err
	}
	if err != nil {
		return s.setAside(path)
	}
	s.now.Store(settings)
	// Somebody may have copied the file about and opened it to others.
	if err := os.Chmod(path, fileMode); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// setAside keeps the damaged file under a name that is not taken.
func (s *Store) setAside(path string) error {
	stamp := path + ".bad-" + time.Now().UTC().Format("20060102-150405")
	aside := stamp
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		aside = fmt.Sprintf("%s-%d", stamp, n)
	}
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.damaged = aside
	return nil
}

// Damaged is the path a damaged settings file was moved to when the store was opened, and "" when it was not.
func (s *Store) Damaged() string { return s.damaged }

// Dir is the directory of the profile, "" in memory.
func (s *Store) Dir() string { return s.dir }

// Settings returns a deep copy of the settings. It never waits for the disk.
func (s *Store) Settings() Settings { return s.now.Load().clone() }

// Update lets change work on a copy of the settings, writes the result durably and adopts it. It waits for the disk.
//
// When writing fails, the result is adopted all the same, so that what the person decided holds as long as the program runs;
// the error says that it is not on the disk, and the next Update writes it again. With ErrInvalid and ErrClosed nothing has changed.
func (s *Store) Update(change func(*Settings)) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.closed {
		return ErrClosed
	}
	next := s.now.Load().clone()
	change(&next)
	next.Version = Version
	if err := next.check(); err != nil {
		return err
	}
	if s.dir == "" {
		s.now.Store(&next)
		return nil
	}
	data, err := json.MarshalIndent(&next, "", "\t")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(data) > maxSize {
		return fmt.Errorf("%w: %d bytes are too many", ErrInvalid, len(data))
	}
	s.now.Store(&next)
	if bytes.Equal(data, s.written) {
		return nil
	}
	s.written = nil
	if err := atomicfile.Write(filepath.Join(s.dir, settingsName), data); err != nil {
		return fmt.Errorf("store: the settings were not written: %w", err)
	}
	s.written = data
	return nil
}

// Close releases the profile for another Sotto. Settings can still be read, not changed. It may be called twice.
func (s *Store) Close() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.closed || s.lock == nil {
		s.closed = true
		return nil
	}
	s.closed = true
	return s.lock.Close() // the lock goes with the file; the empty file stays, because removing it would race with the next Sotto
}
