package keyring

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unicode/utf8"

	"github.com/sotto-im/sotto/session/internal/atomicfile"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/text/secure/precis"
)

// The file is
//
//	magic  time  memory  threads  salt  nonce  ciphertext  checksum
//
// with the parameters of Argon2id (RFC 9106; time and memory, in KiB, four bytes each, big-endian, threads one byte), the nonce and
// the ciphertext of XChaCha20-Poly1305, everything before the nonce as associated data, and the SHA-256 of all that precedes it.
// The checksum tells a damaged file from a wrong passphrase. The plaintext is a JSON object: names and Base64 secrets.
const (
	magic      = "sotto keyring 1\n"
	saltSize   = 16
	headerSize = len(magic) + 4 + 4 + 1 + saltSize
	maxFile    = 1 << 20

	// RFC 9106, section 4, the second recommended choice.
	usualTime    = 3
	usualMemory  = 64 << 10
	usualThreads = 4
)

// cost is what trying one passphrase costs.
type cost struct {
	time, memory uint32
	threads      uint8
}

// acceptable keeps a file made by somebody else from taking all memory or minutes of time, or from being next to no protection.
func (c cost) acceptable() bool {
	return c.time >= 1 && c.time <= 10 &&
		c.memory >= 19<<10 && c.memory <= 256<<10 &&
		c.threads >= 1 && c.threads <= 16
}

// File keeps the secrets in one file, encrypted under a passphrase (Argon2id, XChaCha20-Poly1305). It is made when missing, with mode 0600;
// its directory must exist and nobody else may write the file meanwhile. The passphrase is compared as RFC 8265 prescribes
// (OpaqueString), so that it does not matter how a keyboard composes letters. It is not kept; wipe yours.
//
// File takes a noticeable fraction of a second. Its error is ErrPassphrase, ErrDamaged, ErrUnusable for a passphrase that is empty
// or has forbidden characters, or comes from the file system.
func File(path string, passphrase []byte) (Keyring, error) {
	return openFile(path, passphrase, cost{usualTime, usualMemory, usualThreads})
}

func openFile(path string, passphrase []byte, fresh cost) (Keyring, error) {
	phrase, err := precis.OpaqueString.Bytes(passphrase)
	if err != nil || !utf8.Valid(passphrase) {
		return nil, fmt.Errorf("%w: passphrase", ErrUnusable)
	}
	defer clear(phrase)
	data, err := load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createFile(path, phrase, fresh)
	}
	if err != nil {
		return nil, err
	}
	header, c, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	v, err := newVault(path, header, phrase, c)
	if err != nil {
		return nil, err
	}
	if _, err := v.decrypt(data); err != nil {
		return nil, err
	}
	return newFileKeyring(v), nil
}

func createFile(path string, phrase []byte, c cost) (Keyring, error) {
	header := make([]byte, 0, headerSize)
	header = append(header, magic...)
	header = binary.BigEndian.AppendUint32(header, c.time)
	header = binary.BigEndian.AppendUint32(header, c.memory)
	header = append(header, c.threads)
	header = header[:headerSize]
	rand.Read(header[headerSize-saltSize:])
	v, err := newVault(path, header, phrase, c)
	if err != nil {
		return nil, err
	}
	if err := v.write(contents{}); err != nil {
		return nil, err
	}
	return newFileKeyring(v), nil
}

func load(path string) ([]byte, error) {
	data, err := atomicfile.Read(path, maxFile)
	if errors.Is(err, atomicfile.ErrTooBig) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return data, nil
}

// parseHeader accepts data only when it is whole; whether the passphrase is right is not known yet.
func parseHeader(data []byte) (header []byte, c cost, err error) {
	if len(data) < headerSize+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead+sha256.Size || string(data[:len(magic)]) != magic {
		return nil, cost{}, ErrDamaged
	}
	content, checksum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(content); string(sum[:]) != string(checksum) {
		return nil, cost{}, ErrDamaged
	}
	header = slices.Clone(data[:headerSize])
	numbers := header[len(magic):]
	c = cost{binary.BigEndian.Uint32(numbers), binary.BigEndian.Uint32(numbers[4:]), numbers[8]}
	if !c.acceptable() {
		return nil, cost{}, fmt.Errorf("%w: cost parameters out of bounds", ErrDamaged)
	}
	return header, c, nil
}

// contents are the secrets by name.
type contents map[string][]byte

// vault reads and writes the file.
type vault struct {
	path   string
	header []byte
	aead   cipher.AEAD
}

func newVault(path string, header, phrase []byte, c cost) (*vault, error) {
	key := argon2.IDKey(phrase, header[headerSize-saltSize:], c.time, c.memory, c.threads, chacha20poly1305.KeySize)
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return &vault{path, header, aead}, nil
}

func (v *vault) read() (contents, error) {
	data, err := load(v.path)
	if err != nil {
		return nil, err
	}
	header, _, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	if string(header) != string(v.header) {
		return nil, fmt.Errorf("%w: it was made with another passphrase meanwhile", ErrPassphrase)
	}
	return v.decrypt(data)
}

// decrypt opens data, which parseHeader has accepted.
func (v *vault) decrypt(data []byte) (contents, error) {
	box := data[headerSize : len(data)-sha256.Size]
	nonce, ciphertext := box[:chacha20poly1305.NonceSizeX], box[chacha20poly1305.NonceSizeX:]
	plain, err := v.aead.Open(nil, nonce, ciphertext, v.header)
	if err != nil {
		return nil, ErrPassphrase
	}
	defer clear(plain)
	var c contents
	if err := json.Unmarshal(plain, &c); err != nil || c == nil {
		return nil, ErrDamaged
	}
	return c, nil
}

func (v *vault) write(c contents) error {
	plain, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer clear(plain)
	data := slices.Grow(slices.Clone(v.header), chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead+sha256.Size)
	data = data[:headerSize+chacha20poly1305.NonceSizeX]
	nonce := data[headerSize:]
	rand.Read(nonce)
	data = v.aead.Seal(data, nonce, plain, v.header)
	sum := sha256.Sum256(data)
	data = append(data, sum[:]...)
	if len(data) > maxFile {
		return fmt.Errorf("%w: the file is full", ErrUnusable)
	}
	if err := atomicfile.Write(v.path, data); err != nil {
		return fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	return nil
}

// fileKeyring holds the vault for whoever uses it at the moment. Nothing is kept in memory between two calls but the key.
type fileKeyring chan *vault

func newFileKeyring(v *vault) fileKeyring {
	k := make(fileKeyring, 1)
	k <- v
	return k
}

func (k fileKeyring) Set(ctx context.Context, name string, secret []byte) error {
	if err := check(name, secret); err != nil {
		return err
	}
	return k.use(ctx, func(v *vault, c contents) error {
		if subtle.ConstantTimeCompare(c[name], secret) == 1 {
			return nil
		}
		c[name] = secret
		if err := v.write(c); err != nil {
			return err
		}
		again, err := v.read()
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(again[name], secret) == 0 {
			return ErrNotKept
		}
		return nil
	})
}

func (k fileKeyring) Secret(ctx context.Context, name string) (secret []byte, err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	err = k.use(ctx, func(_ *vault, c contents) error {
		if len(c[name]) == 0 {
			return ErrNotFound
		}
		secret = c[name]
		return nil
	})
	return secret, err
}

func (k fileKeyring) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return k.use(ctx, func(v *vault, c contents) error {
		if _, ok := c[name]; !ok {
			return nil
		}
		delete(c, name)
		return v.write(c)
	})
}

func (k fileKeyring) use(ctx context.Context, f func(*vault, contents) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if ctx.Err() != nil {
		return ended(ctx)
	}
	select {
	case v := <-k:
		defer func() { k <- v }()
		c, err := v.read()
		if err != nil {
			return err
		}
		return f(v, c)
	case <-ctx.Done():
		return ended(ctx)
	}
}
