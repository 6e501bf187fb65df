package smp

import (
	"crypto/sha256"

	"golang.org/x/crypto/cryptobyte"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

// hash is the "SMP Hash function".
func hash(version byte, numbers ...*group.Element) (c group.Digest) {
	b := cryptobyte.NewBuilder([]byte{version})
	for _, n := range numbers {
		addMPI(b, n)
	}
	return sha256.Sum256(b.BytesOrPanic())
}

// proveLog proves knowledge of a, the logarithm of g^a: c = H(g^r), D = r - a·c.
func proveLog(version byte, a, r *group.Scalar) (group.Digest, group.Scalar) {
	gr := group.BaseExp(r)
	c := hash(version, &gr)
	return c, r.SubMul(a, &c)
}

// checkLog checks a proof of proveLog: c = H(g^D · ga^c).
func checkLog(version byte, ga *group.Element, c *group.Digest, d *group.Scalar) bool {
	gr := baseProduct(d, ga, c)
	expected := hash(version, &gr)
	return c.Equal(&expected)
}

// commit returns P = g3^r and Q = g^r · g2^secret.
func commit(g2, g3 *group.Element, r *group.Scalar, secret *Secret) (pp, qq group.Element) {
	gr := group.BaseExp(r)
	blinded := g2.ExpDigest(&secret.digest)
	return g3.Exp(r), gr.Mul(&blinded)
}

// proveCommitment proves that P and Q were made by commit: c = H(g3^r5, g^r5 · g2^r6), D5 = r5 - r4·c,
// D6 = r6 - secret·c.
func proveCommitment(version byte, g2, g3 *group.Element, r4 *group.Scalar, secret *Secret, r5, r6 *group.Scalar) (group.Digest, group.Scalar, group.Scalar) {
	g3r5 := g3.Exp(r5)
	gr5 := group.BaseExp(r5)
	g2r6 := g2.Exp(r6)
	product := gr5.Mul(&g2r6)
	c := hash(version, &g3r5, &product)
	return c, r5.SubMul(r4, &c), r6.SubMulDigest(&secret.digest, &c)
}

// checkCommitment checks a proof of proveCommitment: c = H(g3^D5 · P^c, g^D5 · g2^D6 · Q^c).
func checkCommitment(version byte, g2, g3, pp, qq *group.Element, c *group.Digest, d5, d6 *group.Scalar) bool {
	g3r5 := product(g3, d5, pp, c)
	left := group.BaseExp(d5)
	right := product(g2, d6, qq, c)
	gr5g2r6 := left.Mul(&right)
	expected := hash(version, &g3r5, &gr5g2r6)
	return c.Equal(&expected)
}

// proveLogs proves that g^a and quotient^a have the same logarithm: c = H(g^r, quotient^r), D = r - a·c.
func proveLogs(version byte, quotient *group.Element, a, r *group.Scalar) (group.Digest, group.Scalar) {
	gr := group.BaseExp(r)
	quotientR := quotient.Exp(r)
	c := hash(version, &gr, &quotientR)
	return c, r.SubMul(a, &c)
}

// checkLogs checks a proof of proveLogs: c = H(g^D · ga^c, quotient^D · R^c).
func checkLogs(version byte, ga, quotient, r *group.Element, c *group.Digest, d *group.Scalar) bool {
	gr := baseProduct(d, ga, c)
	quotientR := product(quotient, d, r, c)
	expected := hash(version, &gr, &quotientR)
	return c.Equal(&expected)
}

// baseProduct returns g^d · v^c.
func baseProduct(d *group.Scalar, v *group.Element, c *group.Digest) group.Element {
	gd := group.BaseExp(d)
	vc := v.ExpDigestVarTime(c)
	return gd.Mul(&vc)
}

// product returns u^d · v^c. Exponents of proofs are public, which saves half of the work.
func product(u *group.Element, d *group.Scalar, v *group.Element, c *group.Digest) group.Element {
	return u.ProductVarTime(d, v, c)
}
