//go:build linux

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// marks are random words that everything private carries, and the places where they must not be.
type marks struct {
	all   []string
	roots []string // folders that are searched
}

// mark makes a new mark of 128 bits.
func (m *marks) mark() string {
	random := make([]byte, 16)
	rand.Read(random)
	mark := "m" + hex.EncodeToString(random)
	m.all = append(m.all, mark)
	return mark
}

func (m *marks) watchFiles(root string) { m.roots = append(m.roots, root) }

// forms are the ways in which a mark might be written.
func forms(mark string) [][]byte {
	all := [][]byte{[]byte(mark), []byte(strings.ToUpper(mark)), []byte(hex.EncodeToString([]byte(mark)))}
	var wide []byte
	for _, u := range utf16.Encode([]rune(mark)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	all = append(all, wide)
	const block = 3 // bytes of a base64 group: the mark may begin anywhere in one
	for shift := range block {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), mark...))
		all = append(all, []byte(encoded[4:len(encoded)-4]))
	}
	return all
}

// in counts the marks in data.
func (m *marks) in(data []byte) int {
	hits := 0
	for _, mark := range m.all {
		for _, form := range forms(mark) {
			if bytes.Contains(data, form) {
				hits++
				break
			}
		}
	}
	return hits
}

// search reads every file of the watched folders and tells where marks are, and how much was read.
func (m *marks) search() (found []string, files, size int) {
	for _, root := range m.roots {
		// A file may go while one looks, and sockets cannot be read: what cannot be read holds no mark that anybody could find.
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			files, size = files+1, size+len(data)
			if m.in(data)+m.in([]byte(path)) > 0 {
				found = append(found, path)
			}
			return nil
		})
	}
	return found, files, size
}

// absent reports marks in something that must have none.
func (m *marks) absent(t *testing.T, where string, data []byte) {
	t.Helper()
	if hits := m.in(data); hits > 0 {
		t.Errorf("%s: %d of %d marks were found", where, hits, len(m.all))
	}
}

// absentFromFiles reports files with marks in them.
func (m *marks) absentFromFiles(t *testing.T) {
	t.Helper()
	found, files, size := m.search()
	for _, path := range found {
		t.Errorf("a mark was found in %s", path)
	}
	if files == 0 {
		t.Error("there were no files to search")
	}
	t.Logf("searched %d files of %d bytes for %d marks", files, size, len(m.all))
}

func TestMarksAreFound(t *testing.T) {
	m := &marks{}
	mark := m.mark()
	for _, shift := range []string{"", "a", "ab"} {
		if m.in([]byte("x"+base64.StdEncoding.EncodeToString([]byte(shift+mark+"tail")))) == 0 {
			t.Errorf("not found in base64 after %d bytes", len(shift))
		}
	}
	for _, text := range []string{mark, "before" + mark + "after", strings.ToUpper(mark), hex.EncodeToString([]byte(mark))} {
		if m.in([]byte(text)) != 1 {
			t.Errorf("not found in %q", text)
		}
	}
	if m.in([]byte((&marks{}).mark())) != 0 {
		t.Error("another mark was found")
	}
	dir := t.TempDir()
	m.watchFiles(dir)
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, files, _ := m.search(); len(found) != 1 || files != 1 {
		t.Errorf("found %q in %d files", found, files)
	}
}
