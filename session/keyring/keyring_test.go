package keyring

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// cheap makes the tests fast; it is the least that reading accepts.
var cheap = cost{time: 1, memory: 19 << 10, threads: 1}

func cheapFile(t *testing.T, path, passphrase string) (Keyring, error) {
	t.Helper()
	return openFile(path, []byte(passphrase), cheap)
}

func mustFile(t *testing.T, path, passphrase string) Keyring {
	t.Helper()
	k, err := cheapFile(t, path, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeeps is what every keyring promises; the one of the system is put through it in os_test.go.
func TestKeeps(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testKeeps(t, Memory()) })
	t.Run("file", func(t *testing.T) { testKeeps(t, mustFile(t, filepath.Join(t.TempDir(), "keys"), "a passphrase")) })
}

func testKeeps(t *testing.T, k Keyring) {
	ctx := t.Context()
	if _, err := k.Secret(ctx, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
	if err := k.Delete(ctx, "none"); err != nil {
		t.Errorf("deleting what is missing: %v", err)
	}
	secrets := map[string][]byte{
		"one":                        {0},
		"password":                   []byte("pässword with \"quotes\" $(and) `more` \x00\n"),
		"all":                        allBytes(),
		"k3.A-b_9":                   bytes.Repeat([]byte{0xff}, MaxSecret),
		strings.Repeat("n", MaxName): []byte("long name"),
	}
	for name, secret := range secrets {
		if err := k.Set(ctx, name, secret); err != nil {
			t.Errorf("setting %q: %v", name, err)
		}
	}
	for name, secret := range secrets {
		want := bytes.Clone(secret)
		clear(secret) // the caller may wipe its own
		got, err := k.Secret(ctx, name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
		clear(got)
		if again, _ := k.Secret(ctx, name); !bytes.Equal(again, want) {
			t.Errorf("%q: wiping what was returned wiped what is kept", name)
		}
	}
	if err := k.Set(ctx, "one", []byte("replaced")); err != nil {
		t.Error(err)
	}
	if got, err := k.Secret(ctx, "one"); string(got) != "replaced" {
		t.Errorf("replaced: %q, %v", got, err)
	}
	if err := k.Delete(ctx, "one"); err != nil {
		t.Error(err)
	}
	if got, err := k.Secret(ctx, "one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted: %q, %v", got, err)
	}
	testRefuses(t, k)
}

func testRefuses(t *testing.T, k Keyring) {
	good := []byte("secret")
	for _, name := range []string{"", "a b", "alice@example.org", "a/b", "ä", "a\x00", "$(a)", strings.Repeat("n", MaxName+1)} {
		if err := k.Set(t.Context(), name, good); !errors.Is(err, ErrUnusable) {
			t.Errorf("Set %q: %v", name, err)
		}
		if _, err := k.Secret(t.Context(), name); !errors.Is(err, ErrUnusable) {
			t.Errorf("Secret %q: %v", name, err)
		}
		if err := k.Delete(t.Context(), name); !errors.Is(err, ErrUnusable) {
			t.Errorf("Delete %q: %v", name, err)
		}
	}
	for _, secret := range [][]byte{nil, {}, make([]byte, MaxSecret+1)} {
		if err := k.Set(t.Context(), "name", secret); !errors.Is(err, ErrUnusable) {
			t.Errorf("Set with %d bytes: %v", len(secret), err)
		}
	}
	testRefusesWhatIsOver(t, k)
}

// testRefusesWhatIsOver: a call whose context has ended does nothing, now or later.
func testRefusesWhatIsOver(t *testing.T, k Keyring) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for round := range byte(20) {
		kept := []byte{'k', round}
		if err := k.Set(t.Context(), "name", kept); err != nil {
			t.Fatalf("Set: %v", err)
		}
		if err := k.Set(ended, "name", []byte("another")); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) {
			t.Errorf("Set, cancelled: %v", err)
		}
		if _, err := k.Secret(late, "name"); !errors.Is(err, ErrTimeout) {
			t.Errorf("Secret, too late: %v", err)
		}
		if err := k.Delete(late, "name"); !errors.Is(err, ErrTimeout) {
			t.Errorf("Delete, too late: %v", err)
		}
		if got, err := k.Secret(t.Context(), "name"); !bytes.Equal(got, kept) {
			t.Fatalf("after calls that were refused: %q, %v", got, err)
		}
	}
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestManyGoroutines(t *testing.T) {
	for name, k := range map[string]Keyring{"memory": Memory(), "file": mustFile(t, filepath.Join(t.TempDir(), "keys"), "p")} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					name, secret := fmt.Sprint("n", i), []byte{byte(i)}
					if err := k.Set(t.Context(), name, secret); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for i := range 8 {
				if got, err := k.Secret(t.Context(), fmt.Sprint("n", i)); !bytes.Equal(got, []byte{byte(i)}) {
					t.Errorf("%d: %v, %v", i, got, err)
				}
			}
		})
	}
}

func TestFileKeptAcrossOpenings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	// The two forms of ö: as one letter, and as o with a combining diaeresis, as macOS writes it.
	k := mustFile(t, path, "fl\u00f6te und geige")
	if err := k.Set(t.Context(), "name", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	again := mustFile(t, path, "flo\u0308te und geige")
	if got, err := again.Secret(t.Context(), "name"); string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	for _, wrong := range []string{"flote und geige", "x", "fl\u00f6te und geige "} {
		if _, err := cheapFile(t, path, wrong); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	for _, unusable := range []string{"", "\x00", "a\nb", "\xff"} {
		if _, err := cheapFile(t, path, unusable); !errors.Is(err, ErrUnusable) {
			t.Errorf("%q: %v", unusable, err)
		}
	}
	raw, _ := os.ReadFile(path)
	for _, clear := range []string{"name", "secret", "c2VjcmV0", "geige"} {
		if bytes.Contains(raw, []byte(clear)) {
			t.Errorf("the file has %q in clear", clear)
		}
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
		t.Errorf("mode %v", info.Mode())
	}
}

// TestFileNeverRepeatsANonce: the same content written twice looks different.
func TestFileNeverRepeatsANonce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	k := mustFile(t, path, "p")
	seen := map[string]bool{}
	for i := range 20 {
		if err := k.Set(t.Context(), "name", []byte{byte(i % 2)}); err != nil {
			t.Fatal(err)
		}
		raw, _ := os.ReadFile(path)
		seen[string(raw[headerSize:headerSize+24])] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different nonces in 20 files", len(seen))
	}
}

// TestFileCost is the one test with the real parameters.
func TestFileCost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	start := time.Now()
	if _, err := File(path, []byte("passphrase")); err != nil {
		t.Fatal(err)
	}
	t.Logf("making the file took %v", time.Since(start))
	raw, _ := os.ReadFile(path)
	_, c, err := parseHeader(raw)
	if err != nil || c.time != 3 || c.memory != 65536 || c.threads != 4 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := File(path, []byte("passphrase")); err != nil {
		t.Error(err)
	}
}

func TestFileDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	k := mustFile(t, path, "p")
	if err := k.Set(t.Context(), "name", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{
		"empty":        {},
		"text":         []byte("hello"),
		"cut":          good[:len(good)-1],
		"only a start": good[:headerSize],
		"longer":       append(bytes.Clone(good), 0),
		"zeroes":       make([]byte, len(good)),
		"other magic":  withChecksum(append([]byte("sotto keyring 2\n"), good[len(magic):]...)),
		"too big":      make([]byte, maxFile+1),
	}
	for i := 0; i < len(good); i += 7 {
		flipped := bytes.Clone(good)
		flipped[i] ^= 1
		damaged[fmt.Sprint("bit in byte ", i)] = flipped
	}
	for name, content := range damaged {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cheapFile(t, path, "p"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := k.Secret(t.Context(), "name"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, while in use: %q, %v", name, got, err)
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, content) {
			t.Fatalf("%s: it was overwritten", name)
		}
	}
}

// TestFileCostBounds: a file that asks for gigabytes, minutes or next to nothing is refused before any work is done.
func TestFileCostBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	mustFile(t, path, "p")
	good, _ := os.ReadFile(path)
	for _, c := range []cost{
		{0, 64 << 10, 4}, {11, 64 << 10, 4}, {1 << 31, 64 << 10, 4},
		{3, 0, 4}, {3, 19<<10 - 1, 4}, {3, 256<<10 + 1, 4}, {3, 1<<32 - 1, 4},
		{3, 64 << 10, 0}, {3, 64 << 10, 17}, {3, 64 << 10, 255},
	} {
		content := bytes.Clone(good)
		numbers := content[len(magic):]
		binary.BigEndian.PutUint32(numbers, c.time)
		binary.BigEndian.PutUint32(numbers[4:], c.memory)
		numbers[8] = c.threads
		if err := os.WriteFile(path, withChecksum(content), 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := cheapFile(t, path, "p"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", c, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%+v: refused after %v", c, took)
		}
	}
}

// withChecksum is content with its last bytes made right again, as somebody would who wants it to be believed.
func withChecksum(content []byte) []byte {
	body := content[:len(content)-sha256.Size]
	sum := sha256.Sum256(body)
	return append(bytes.Clone(body), sum[:]...)
}

// TestFileNotWritten: a secret that is not on the disk is not reported as kept, and the old one is still there.
func TestFileNotWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keys")
	k := mustFile(t, path, "p")
	if err := k.Set(t.Context(), "name", []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Skip("the system does not let go of a directory in use: ", err)
	}
	if err := k.Set(t.Context(), "name", []byte("new")); err == nil {
		t.Error("no error")
	}
	if _, err := cheapFile(t, path, "p"); err == nil {
		t.Error("a file was made in a directory that does not exist")
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Secret(t.Context(), "name"); string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "keys")
	if _, err := openFile(path, []byte("p"), cheap); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		header, c, err := parseHeader(data)
		if err == nil && (len(header) != headerSize || !c.acceptable()) {
			t.Errorf("accepted %x", data)
		}
	})
}
