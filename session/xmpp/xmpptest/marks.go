package xmpptest

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

// Marks are random words that everything private carries, and the places where they must not be.
type Marks struct {
	All   []string
	Roots []string // folders that are searched
}

// Mark makes a new mark of 128 bits.
func (m *Marks) Mark() string {
	random := make([]byte, 16)
	rand.Read(random)
	mark := "m" + hex.EncodeToString(random)
	m.All = append(m.All, mark)
	return mark
}

// WatchFiles has the files of a folder searched.
func (m *Marks) WatchFiles(root string) { m.Roots = append(m.Roots, root) }

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

// In counts the marks in data.
func (m *Marks) In(data []byte) int {
	hits := 0
	for _, mark := range m.All {
		for _, form := range forms(mark) {
			if bytes.Contains(data, form) {
				hits++
				break
			}
		}
	}
	return hits
}

// Search reads every file of the watched folders and tells where marks are, and how much was read.
func (m *Marks) Search() (found []string, files, size int) {
	for _, root := range m.Roots {
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
			if m.In(data)+m.In([]byte(path)) > 0 {
				found = append(found, path)
			}
			return nil
		})
	}
	return found, files, size
}

// Absent reports marks in something that must have none.
func (m *Marks) Absent(t testing.TB, where string, data []byte) {
	t.Helper()
	if hits := m.In(data); hits > 0 {
		t.Errorf("%s: %d of %d marks were found", where, hits, len(m.All))
	}
}

// AbsentFromFiles reports files with marks in them.
func (m *Marks) AbsentFromFiles(t testing.TB) {
	t.Helper()
	found, files, size := m.Search()
	for _, path := range found {
		t.Errorf("a mark was found in %s", path)
	}
	if files == 0 {
		t.Error("there were no files to search")
	}
	t.Logf("searched %d files of %d bytes for %d marks", files, size, len(m.All))
}
