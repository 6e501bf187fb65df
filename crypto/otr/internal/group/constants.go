package group

import (
	"encoding/hex"
	"math/big"
	"sync"

	"filippo.io/bigmod"

	"github.com/sotto-im/sotto/crypto/otr/internal/modular"
)

// RFC 3526 section 2.
const prime = "" +
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1" +
	"29024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245" +
	"E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D" +
	"C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
	"83655D23DCA3AD961C62F356208552BB9ED529077096966D" +
	"670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF"

var (
	pInt = new(big.Int).SetBytes(decode(prime))
	qInt = new(big.Int).Rsh(pInt, 1)

	generator = constant(big.NewInt(2))

	// The least and the greatest number that a peer may send as an element.
	smallest = constant(big.NewInt(2)).b
	largest  = constant(new(big.Int).Sub(pInt, big.NewInt(2))).b
)

// What takes time to prepare is prepared when it is first needed. None of it ever changes.
var (
	modP = sync.OnceValue(func() *modular.Modulus {
		m, err := modular.New(pInt.Bytes())
		if err != nil {
			panic("group: internal error: constant is not a modulus")
		}
		return m
	})
	modQ = sync.OnceValue(func() *bigmod.Modulus {
		m, err := bigmod.NewModulus(qInt.Bytes())
		if err != nil {
			panic("group: internal error: constant is not a modulus")
		}
		return m
	})

	// g for private keys and for scalars.
	shortBase = sync.OnceValue(func() *modular.FixedBase { return modP().NewFixedBase(generator.b[:], 8*PrivateSize) })
	longBase  = sync.OnceValue(func() *modular.FixedBase { return modP().NewFixedBase(generator.b[:], 8*Size) })
)

func decode(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("group: internal error: constant is not hexadecimal")
	}
	return b
}

func constant(n *big.Int) (e Element) {
	n.FillBytes(e.b[:])
	return e
}
