package smp

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestKnownSecret: the secret of both conversations in ../../testdata/known.values, which known.py has computed from the
// specification.
func TestKnownSecret(t *testing.T) {
	file, err := os.ReadFile("../../testdata/known.values")
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string][]byte)
	for line := range strings.Lines(string(file)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " = ")
		values[name], _ = hex.DecodeString(digits) // some are no digits
	}
	for _, version := range []string{"v2", "v3"} {
		x := NewSecret([20]byte(values["alice fingerprint"]), [20]byte(values["bob fingerprint"]), [8]byte(values[version+" ssid"]), []byte("the secret"))
		if want := values[version+" smp secret"]; string(x.digest[:]) != string(want) {
			t.Errorf("%s: secret %x, want %x", version, x.digest, want)
		}
	}
}
