package outside

import (
	"errors"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const runKey = `Software\Microsoft\Windows\CurrentVersion\Run`

// SetAtStart has the program started with the session, by these words, or no longer, through the person's Run key. Nothing is written
// unless that is wanted, and what was written is removed.
func SetAtStart(wanted bool, command []string) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer key.Close()
	if !wanted {
		if err := key.DeleteValue(program); err != nil && !errors.Is(err, registry.ErrNotExist) {
			return err
		}
		return nil
	}
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = windows.EscapeArg(word)
	}
	return key.SetStringValue(program, strings.Join(words, " "))
}
