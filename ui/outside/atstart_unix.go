//go:build unix && !darwin

package outside

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SetAtStart has the program started with the session, by these words, or no longer (Desktop Application Autostart Specification 0.5).
// Nothing is written unless that is wanted, and what was written is removed.
func SetAtStart(wanted bool, command []string) error {
	dir, err := os.UserConfigDir()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "autostart", desktopID+".desktop")
	if !wanted {
		return removeEntry(path)
	}
	return writeEntry(path, fmt.Sprintf("[Desktop Entry]\nType=Application\nName=%s\nExec=%s\nIcon=%s\nTerminal=false\nX-GNOME-Autostart-enabled=true\n",
		program, execLine(command), desktopID))
}

// execLine writes a command as the Desktop Entry Specification 1.5 wants it: in quotes, with what has a meaning there escaped, first as an
// argument and then as a string.
func execLine(command []string) string {
	argument := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`)
	value := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "%", "%%")
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = value.Replace(`"` + argument.Replace(word) + `"`)
	}
	return strings.Join(words, " ")
}
