package outside

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAtStart(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	if err := SetAtStart(false, nil); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(config); len(entries) != 0 {
		t.Errorf("not wanted, and written: %v", entries)
	}
	if err := SetAtStart(true, []string{"/opt/a b/sotto", "-hidden", `-profile=/home/x/100% $HOME "q" \ ` + "`"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(config, "autostart", "im.sotto.Sotto.desktop")
	entry, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `Exec="/opt/a b/sotto" "-hidden" "-profile=/home/x/100%% \\$HOME \\"q\\" \\\\ ` + "\\\\`\"\n"
	if !strings.Contains(string(entry), want) {
		t.Errorf("%s\nwant %s", entry, want)
	}
	if check, err := exec.LookPath("desktop-file-validate"); err == nil {
		if said, err := exec.Command(check, path).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
	}
	for range 2 {
		if err := SetAtStart(false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}
