package xmpptest

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMarksAreFound(t *testing.T) {
	m := &Marks{}
	mark := m.Mark()
	for _, shift := range []string{"", "a", "ab"} {
		if m.In([]byte("x"+base64.StdEncoding.EncodeToString([]byte(shift+mark+"tail")))) == 0 {
			t.Errorf("not found in base64 after %d bytes", len(shift))
		}
	}
	for _, text := range []string{mark, "before" + mark + "after", strings.ToUpper(mark), hex.EncodeToString([]byte(mark))} {
		if m.In([]byte(text)) != 1 {
			t.Errorf("not found in %q", text)
		}
	}
	if m.In([]byte((&Marks{}).Mark())) != 0 {
		t.Error("another mark was found")
	}
	dir := t.TempDir()
	m.WatchFiles(dir)
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, files, _ := m.Search(); len(found) != 1 || files != 1 {
		t.Errorf("found %q in %d files", found, files)
	}
}
