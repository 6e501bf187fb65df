package keyring

import (
	"context"
	"errors"
	"os/exec"
)

func available() error { return nil }

// cause reads the exit status of macOS's security tool, which is the low byte of the OSStatus (SecBase.h).
func cause(_ context.Context, err error) error {
	const (
		interactionNotAllowed = 36  // errSecInteractionNotAllowed
		authFailed            = 51  // errSecAuthFailed
		userCanceled          = 128 // errSecUserCanceled
	)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch exit.ExitCode() {
		case interactionNotAllowed, authFailed, userCanceled:
			return ErrLocked
		}
	}
	return ErrAbsent
}
