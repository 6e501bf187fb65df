package server

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Mechanisms of RFC 7677 and RFC 5802, the stronger one first.
const (
	scramPlus = "SCRAM-SHA-256-PLUS"
	scram     = "SCRAM-SHA-256"
)

// iterations is what RFC 7677 asks for at least. Passwords here have 128 random bits: more would protect nothing.
const iterations = 4096

const saltSize = 16

var errSASL = errors.New("server: the SASL exchange was not understood")

// credentials are what a server keeps of a password (RFC 5802, section 3).
type credentials struct {
	salt, storedKey, serverKey []byte
}

func newCredentials(password []byte) (credentials, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, sha256.Size)
	if err != nil {
		return credentials{}, fmt.Errorf("server: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	return credentials{salt, stored[:], mac(salted, "Server Key")}, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// exchange is the server's side of one SCRAM login (RFC 5802, sections 5 to 7; RFC 9266 for the binding).
type exchange struct {
	binding []byte // of this TLS connection; nil without -PLUS
	header  string // gs2-header
	bare    string // client-first-message-bare
	first   string // server-first-message
	nonce   string
	user    string
}

// begin reads the client's first message. binding is the channel binding of the connection with -PLUS, nil otherwise.
func begin(message string, binding []byte) (*exchange, error) {
	parts := strings.SplitN(message, ",", 3)
	if len(parts) != 3 || parts[1] != "" { // an authorization identity: nobody may act for another here
		return nil, errSASL
	}
	// "y" is from a client that can bind and believes we cannot: somebody has taken the -PLUS off our list.
	if binding == nil && parts[0] != "n" || binding != nil && parts[0] != "p=tls-exporter" {
		return nil, errSASL
	}
	x := &exchange{binding: binding, header: parts[0] + ",,", bare: parts[2]}
	fields := strings.Split(x.bare, ",")
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "n=") || !strings.HasPrefix(fields[1], "r=") {
		return nil, errSASL // also "m=", which is for extensions that must be understood
	}
	var err error
	if x.user, err = unescape(fields[0][2:]); err != nil || len(fields[1]) < len("r=")+8 {
		return nil, errSASL
	}
	x.nonce = fields[1][2:] + rand.Text()
	return x, nil
}

func unescape(name string) (string, error) {
	rest := strings.NewReplacer("=2C", "", "=3D", "").Replace(name)
	if name == "" || strings.ContainsAny(rest, "=") {
		return "", errSASL
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name), nil
}

// challenge is the server's first message.
func (x *exchange) challenge(c credentials) string {
	x.first = fmt.Sprintf("r=%s,s=%s,i=%d", x.nonce, base64.StdEncoding.EncodeToString(c.salt), iterations)
	return x.first
}

// finish checks the client's proof and returns the server's.
func (x *exchange) finish(message string, c credentials) (string, error) {
	end := strings.LastIndex(message, ",p=")
	if end < 0 {
		return "", errSASL
	}
	withoutProof := message[:end]
	channel := base64.StdEncoding.EncodeToString(append([]byte(x.header), x.binding...))
	if subtle.ConstantTimeCompare([]byte(withoutProof), []byte("c="+channel+",r="+x.nonce)) == 0 {
		return "", errSASL
	}
	proof, err := base64.StdEncoding.DecodeString(message[end+len(",p="):])
	if err != nil || len(proof) != sha256.Size {
		return "", errSASL
	}
	text := x.bare + "," + x.first + "," + withoutProof
	clientKey := make([]byte, sha256.Size)
	subtle.XORBytes(clientKey, proof, mac(c.storedKey, text))
	if stored := sha256.Sum256(clientKey); subtle.ConstantTimeCompare(stored[:], c.storedKey) == 0 {
		return "", errSASL
	}
	return "v=" + base64.StdEncoding.EncodeToString(mac(c.serverKey, text)), nil
}
