package keyring

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	backend "github.com/zalando/go-keyring"
)

const (
	service  = "sotto"
	patience = 60 * time.Second // a person has to find and type a password meanwhile

	// maxHanging bounds the calls that were given up because no answer came, but which cannot be interrupted.
	maxHanging = 4
)

// OS is the keyring of the operating system, through github.com/zalando/go-keyring: the Secret Service on Linux and the BSDs,
// the Keychain on macOS, the Credential Manager on Windows. A call that gets no answer within a minute fails with ErrTimeout.
func OS() Keyring { return newSystem(patience) }

// system puts a deadline around calls that have none. One call is made at a time, because on the Secret Service two prompts
// at once can take each other's answers.
type system struct {
	patience time.Duration
	turn     chan struct{} // holds the one token while nobody calls
	hanging  chan struct{} // one token for each call under way, given up or not
}

func newSystem(patience time.Duration) *system {
	s := &system{patience: patience, turn: make(chan struct{}, 1), hanging: make(chan struct{}, maxHanging)}
	s.turn <- struct{}{}
	return s
}

func (s *system) Set(ctx context.Context, name string, secret []byte) error {
	if err := check(name, secret); err != nil {
		return err
	}
	text := base64.RawStdEncoding.EncodeToString(secret)
	_, err := s.call(ctx, func() (string, error) {
		if err := backend.Set(service, name, text); err != nil {
			return "", err
		}
		// Read back: where a prompt was dismissed, Set can report success without having stored anything.
		kept, err := backend.Get(service, name)
		if errors.Is(err, backend.ErrNotFound) {
			return "", ErrNotKept
		}
		if err == nil && subtle.ConstantTimeCompare([]byte(kept), []byte(text)) == 0 {
			return "", ErrNotKept
		}
		return "", err
	})
	return err
}

func (s *system) Secret(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, err := s.call(ctx, func() (string, error) { return backend.Get(service, name) })
	if err != nil {
		return nil, err
	}
	secret, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(secret) == 0 || len(secret) > MaxSecret {
		return nil, ErrDamaged
	}
	return secret, nil
}

func (s *system) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	_, err := s.call(ctx, func() (string, error) {
		if err := backend.Delete(service, name); err != nil {
			return "", err
		}
		// As with Set, a dismissed prompt can look like success.
		if _, err := backend.Get(service, name); err != nil {
			return "", err
		}
		return "", fmt.Errorf("%w: the secret was not deleted", ErrLocked)
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

type answer struct {
	text string
	err  error
}

// call runs f, which may hang for ever, on a goroutine of its own and waits for it within limits.
func (s *system) call(ctx context.Context, f func() (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", ended(ctx)
	}
	if err := available(); err != nil {
		return "", fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	select {
	case s.hanging <- struct{}{}:
	default:
		return "", fmt.Errorf("%w: %d earlier calls are still waiting", ErrTimeout, maxHanging)
	}
	answers := make(chan answer, 1)
	go func() {
		defer func() { <-s.hanging }()
		answers <- ask(f)
	}()
	select {
	case a := <-answers:
		return a.text, explain(ctx, a.err)
	case <-ctx.Done():
		return "", ended(ctx)
	}
}

// ask keeps a service that answers in an unforeseen form from ending the program: the client library panics on some.
func ask(f func() (string, error)) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = answer{err: fmt.Errorf("%w: unforeseen answer", ErrAbsent)}
		}
	}()
	text, err := f()
	return answer{text, err}
}

// explain turns an error of the client library into one of ours.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, backend.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, backend.ErrSetDataTooBig):
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	case errors.Is(err, backend.ErrUnsupportedPlatform):
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	for _, ours := range []error{ErrAbsent, ErrLocked, ErrTimeout, ErrNotKept} {
		if errors.Is(err, ours) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", cause(ctx, err), err)
}
