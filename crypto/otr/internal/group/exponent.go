package group

// X returns a copy of the private exponent, big-endian without leading zeros. It is for tests that hold the keys of a
// session against those that somebody else derives.
func (k *PrivateKey) X() []byte { return minimal(k.x[:]) }
