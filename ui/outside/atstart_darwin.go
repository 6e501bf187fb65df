package outside

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
)

// SetAtStart has the program started with the session, by these words, or no longer, as a launch agent of the person's. Nothing is written
// unless that is wanted, and what was written is removed.
func SetAtStart(wanted bool, command []string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	path := filepath.Join(home, "Library", "LaunchAgents", desktopID+".plist")
	if !wanted {
		return removeEntry(path)
	}
	return writeEntry(path, launchAgent(command))
}

func launchAgent(command []string) string {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>Label</key><string>` + desktopID + `</string>
<key>ProgramArguments</key><array>`)
	for _, word := range command {
		b.WriteString("<string>")
		xml.EscapeText(&b, []byte(word))
		b.WriteString("</string>")
	}
	b.WriteString("</array>\n<key>RunAtLoad</key><true/>\n<key>ProcessType</key><string>Interactive</string>\n</dict></plist>\n")
	return b.String()
}
