package otr_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// TestScripts plays the conversations in testdata, which follow the tables of the specification.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("scripts: %v %v", files, err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		script, err := otrtest.ReadScript(f)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range script.Cases {
			t.Run(filepath.Base(file)+"/"+c.Title, func(t *testing.T) {
				if err := c.Run(); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			})
		}
	}
}
