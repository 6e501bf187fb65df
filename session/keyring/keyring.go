// Package keyring keeps secrets: in the keyring of the operating system, in a file under a passphrase, or in memory only.
//
// What a keyring protects is a computer that is switched off or locked. Programs that run as the same person can read most keyrings
// without asking; no keyring helps against them.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// A Keyring keeps small secrets under opaque names. Every call may be slow, honours ctx, and has a deadline of its own.
// Set has read the secret back and compared it when it returns nil.
//
// A name consists of letters, digits and "-._" (at most MaxName of them) and says nothing about the person: other programs can list names.
// A secret has 1 to MaxSecret bytes. The methods may be called from any goroutine.
type Keyring interface {
	Set(ctx context.Context, name string, secret []byte) error
	Secret(ctx context.Context, name string) ([]byte, error) // ErrNotFound when there is none
	Delete(ctx context.Context, name string) error           // nil when there was none
}

// What the keyring's user may have to tell the person. They come wrapped around their cause; compare with errors.Is.
var (
	ErrNotFound   = errors.New("keyring: no such secret")
	ErrAbsent     = errors.New("keyring: this system has no keyring that can be used") // no bus, no service, no default collection, or it is broken
	ErrLocked     = errors.New("keyring: the keyring is locked")                       // prompt dismissed, wrong password, nowhere to show a prompt
	ErrTimeout    = errors.New("keyring: the keyring did not answer")                  // prompt unanswered
	ErrNotKept    = errors.New("keyring: the keyring did not keep the secret")         // read back differs
	ErrDamaged    = errors.New("keyring: what the keyring holds is damaged")
	ErrPassphrase = errors.New("keyring: wrong passphrase")
	ErrUnusable   = errors.New("keyring: name or secret cannot be kept") // against the limits above: a mistake of the caller
)

const (
	// MaxName is the length of the longest name.
	MaxName = 64
	// MaxSecret is the length of the longest secret. As Base64 text it has 2048 bytes, which fits Windows (2560) and,
	// encoded once more and with its names around it, a line of macOS's security tool (4096).
	MaxSecret = 1536
)

func checkName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	if name == "" || len(name) > MaxName || strings.Trim(name, letters) != "" {
		return fmt.Errorf("%w: name", ErrUnusable)
	}
	return nil
}

func check(name string, secret []byte) error {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return fmt.Errorf("%w: secret of %d bytes", ErrUnusable, len(secret))
	}
	return checkName(name)
}

// ended says in the words of this package why ctx ended before the keyring answered.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
	}
	return fmt.Errorf("keyring: %w", ctx.Err())
}
