package keyring

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
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
//
// A call that was given up cannot be interrupted: it may end late. So that it undoes nothing that a later one did, it changes nothing
// any more if it was still waiting for the keyring to be unlocked; and if it was in the middle of changing a secret, nobody else
// changes that one before it has ended.
type system struct {
	patience time.Duration
	turn     chan struct{} // holds the one token while nobody calls
	hanging  chan struct{} // one token for each call under way, given up or not
	changing sync.Map      // from the name of a secret to a chan struct{} that holds a token while it is being changed
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
	same := func(kept string) bool { return subtle.ConstantTimeCompare([]byte(kept), []byte(text)) == 1 }
	return s.change(ctx, name, func(ctx context.Context) error {
		// Reading is what unlocks, with a prompt that may be answered when nobody waits any more.
		kept, err := backend.Get(service, name)
		if err != nil && !errors.Is(err, backend.ErrNotFound) {
			return err
		}
		if err == nil && same(kept) {
			return nil
		}
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if err := backend.Set(service, name, text); err != nil {
			return err
		}
		// Read back: where a prompt was dismissed, Set can report success without having stored anything.
		kept, err = backend.Get(service, name)
		if errors.Is(err, backend.ErrNotFound) || err == nil && !same(kept) {
			return ErrNotKept
		}
		return err
	})
}

func (s *system) Secret(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, err := s.call(ctx, func(context.Context) (string, error) { return backend.Get(service, name) })
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
	err := s.change(ctx, name, func(ctx context.Context) error {
		if _, err := backend.Get(service, name); err != nil { // unlocks, see Set
			return err
		}
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if err := backend.Delete(service, name); err != nil {
			return err
		}
		// As with Set, a dismissed prompt can look like success.
		if _, err := backend.Get(service, name); err != nil {
			return err
		}
		return fmt.Errorf("%w: the secret was not deleted", ErrLocked)
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

// change is call for what changes the secret called name: after whatever else is changing it has ended.
func (s *system) change(ctx context.Context, name string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	held, _ := s.changing.LoadOrStore(name, make(chan struct{}, 1))
	changing := held.(chan struct{})
	select {
	case changing <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	answers, err := s.begin(ctx, func(ctx context.Context) (string, error) {
		defer func() { <-changing }()
		return "", f(ctx)
	})
	if err != nil {
		<-changing
		return err
	}
	_, err = s.await(ctx, answers)
	return err
}

// call runs f, which may hang for ever, on a goroutine of its own and waits for it within limits. The context of f ends when nobody
// waits any more.
func (s *system) call(ctx context.Context, f func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	answers, err := s.begin(ctx, f)
	if err != nil {
		return "", err
	}
	return s.await(ctx, answers)
}

// begin takes the turn and starts f. With an error nobody has the turn.
func (s *system) begin(ctx context.Context, f func(context.Context) (string, error)) (<-chan answer, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	answers, err := s.start(ctx, f)
	if err != nil {
		s.turn <- struct{}{}
	}
	return answers, err
}

// start runs f on a goroutine of its own, or says why it does not.
func (s *system) start(ctx context.Context, f func(context.Context) (string, error)) (<-chan answer, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx) // the select of begin takes any case that is ready
	}
	if err := available(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	select {
	case s.hanging <- struct{}{}:
	default:
		return nil, fmt.Errorf("%w: %d earlier calls are still waiting", ErrTimeout, maxHanging)
	}
	answers := make(chan answer, 1)
	go func() {
		defer func() { <-s.hanging }()
		answers <- ask(ctx, f)
	}()
	return answers, nil
}

// await waits for the answer of what begin has begun, and gives the turn back.
func (s *system) await(ctx context.Context, answers <-chan answer) (string, error) {
	defer func() { s.turn <- struct{}{} }()
	select {
	case a := <-answers:
		return a.text, explain(ctx, a.err)
	case <-ctx.Done():
		return "", ended(ctx)
	}
}

// ask keeps a service that answers in an unforeseen form from ending the program: the client library panics on some.
func ask(ctx context.Context, f func(context.Context) (string, error)) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = answer{err: fmt.Errorf("%w: unforeseen answer", ErrAbsent)}
		}
	}()
	text, err := f(ctx)
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
	if ctx.Err() != nil {
		return ended(ctx)
	}
	return fmt.Errorf("%w: %w", cause(ctx, err), err)
}
