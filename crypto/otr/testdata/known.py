#!/usr/bin/env python3
"""Computes known.values: two conversations, one of each version, with every value that is derived in them.

It was written from the specification alone, with Python's integers, hashlib and hmac, and openssl for AES, and shares
nothing with the package whose tests read the file:

    python3 known.py > known.values

What is random comes from the function random below, which the tests have as well. The keys are those that libotr made
and wrote to ../../libotr/testdata/otr.private_key for the accounts alice and last, who is Bob here.
"""
import base64, hashlib, hmac, re, struct, subprocess

P = int("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
        "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
        "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF", 16)
Q = (P - 1) // 2
G = 2

sha1 = lambda b: hashlib.sha1(b).digest()
sha256 = lambda b: hashlib.sha256(b).digest()
mac1 = lambda key, b: hmac.new(key, b, hashlib.sha1).digest()
mac256 = lambda key, b: hmac.new(key, b, hashlib.sha256).digest()
INT = lambda n: struct.pack(">I", n)
SHORT = lambda n: struct.pack(">H", n)
DATA = lambda b: INT(len(b)) + b
number = lambda n: n.to_bytes((n.bit_length() + 7) // 8, "big")
MPI = lambda n: DATA(number(n))


def random(name, size, index):
    """The index-th read of so many bytes by that party, from 1. The name has the version in it: "alice v3"."""
    b = b"".join(sha256(f"{name} {size} {index} {block}".encode()) for block in range(size // 32 + 1))
    return b[:size]


def aes(key, top, b):
    """AES-128 in counter mode."""
    iv = top + bytes(8)
    return subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", key.hex(), "-iv", iv.hex()],
                          input=b, capture_output=True, check=True).stdout


def show(name, value):
    if isinstance(value, int):
        value = number(value)
    print(f"{name} = {value.hex() if isinstance(value, bytes) else value}")


class DSA:
    def __init__(self, account):
        text = open("../../libotr/testdata/otr.private_key", "rb").read().decode("latin-1")
        text = text[text.index(f"(name {account})"):]
        value = lambda name: int(re.search(rf"\({name} #([0-9A-F]+)#\)", text)[1], 16)
        self.p, self.q, self.g, self.y, self.x = map(value, "pqgyx")
        self.public = SHORT(0) + b"".join(map(MPI, (self.p, self.q, self.g, self.y)))
        self.fingerprint = sha1(self.public[2:])

    def sign(self, m):
        """r and s of the 32 bytes m as a number, with the nonce of RFC 6979 and HMAC-SHA-256."""
        h = int.from_bytes(m, "big") % self.q
        seed = self.x.to_bytes(20, "big") + h.to_bytes(20, "big")
        k, v = bytes(32), b"\1" * 32
        for separator in (b"\0", b"\1"):
            k = mac256(k, v + separator + seed)
            v = mac256(k, v)
        while True:
            v = mac256(k, v)
            nonce = int.from_bytes(v[:20], "big")
            if 0 < nonce < self.q:
                break
            k = mac256(k, v + b"\0")
            v = mac256(k, v)
        r = pow(self.g, nonce, self.p) % self.q
        s = pow(nonce, -1, self.q) * (h + self.x * r) % self.q
        return r.to_bytes(20, "big") + s.to_bytes(20, "big")


class Party:
    def __init__(self, name, account, tag):
        self.name, self.dsa, self.tag = name, DSA(account), tag
        self.reads = {}
        # Key management: ours by id, theirs by id, counters by pair of ids, MAC keys that verified a message.
        self.ours, self.our_keyid = {}, 0
        self.theirs, self.their_keyid = {}, 0
        self.counters, self.verified, self.reveal = {}, {}, []

    def random(self, size):
        self.reads[size] = self.reads.get(size, 0) + 1
        return random(self.name, size, self.reads[size])

    def exponent(self):
        return int.from_bytes(self.random(40), "big")

    def scalar(self):
        b = bytearray(self.random(192))
        b[0] &= 0x7f
        return int.from_bytes(b, "big")


class Conversation:
    def __init__(self, version):
        self.version, self.label = version, f"v{version}"
        self.alice = Party(f"alice v{version}", "alice", 0x101)
        self.bob = Party(f"bob v{version}", "last", 0xfffffff0)
        self.count = 0

    def show(self, name, value):
        show(f"{self.label} {name}", value)

    def wire(self, name, message):
        self.show(name, "?OTR:" + base64.b64encode(message).decode() + ".")

    def header(self, kind, sender, receiver):
        if self.version == 2:
            return SHORT(2) + bytes([kind])
        return SHORT(3) + bytes([kind]) + INT(sender) + INT(receiver)

    # The authenticated key exchange: Alice commits.

    def exchange(self):
        alice, bob = self.alice, self.bob
        r = sha256(alice.random(32))[:16]
        x = alice.exponent()
        y = bob.exponent()
        gx, gy = pow(G, x, P), pow(G, y, P)
        self.show("r", r)
        self.show("x", x.to_bytes(40, "big"))
        self.show("y", y.to_bytes(40, "big"))
        self.show("gx", gx)
        self.show("gy", gy)
        self.wire("d-h commit", self.header(0x02, alice.tag, 0) + DATA(aes(r, bytes(8), MPI(gx))) + DATA(sha256(MPI(gx))))
        self.wire("d-h key", self.header(0x0a, bob.tag, alice.tag) + MPI(gy))

        s = pow(gy, x, P)
        assert s == pow(gx, y, P)
        h2 = lambda b: sha256(bytes([b]) + MPI(s))
        self.ssid, c, cp = h2(0)[:8], h2(1)[:16], h2(1)[16:]
        m1, m2, m1p, m2p = h2(2), h2(3), h2(4), h2(5)
        for name, value in (("s", s), ("ssid", self.ssid), ("c", c), ("c'", cp), ("m1", m1), ("m2", m2), ("m1'", m1p), ("m2'", m2p)):
            self.show(name, value)

        def proof(prime, dsa, own, other, m1, m2, c):
            m = mac256(m1, MPI(own) + MPI(other) + dsa.public + INT(1))
            encrypted = DATA(aes(c, bytes(8), dsa.public + INT(1) + dsa.sign(m)))
            self.show("M" + prime, m)
            return encrypted + mac256(m2, encrypted)[:20]

        self.wire("reveal signature", self.header(0x11, alice.tag, bob.tag) + DATA(r) + proof("", alice.dsa, gx, gy, m1, m2, c))
        self.wire("signature", self.header(0x12, bob.tag, alice.tag) + proof("'", bob.dsa, gy, gx, m1p, m2p, cp))

        for party, own, other in ((alice, x, gy), (bob, y, gx)):
            party.ours, party.our_keyid = {1: own}, 2
            party.theirs, party.their_keyid = {1: other}, 1

    # Data messages.

    def pair(self, party, ours, theirs):
        own, other = party.ours[ours], party.theirs[theirs]
        secbytes = MPI(pow(other, own, P))
        send, receive = (1, 2) if pow(G, own, P) > other else (2, 1)
        keys = {"extra": sha256(b"\xff" + secbytes)}
        for direction, b in (("send", send), ("receive", receive)):
            keys[direction] = sha1(bytes([b]) + secbytes)[:16]
            keys[direction + " mac"] = sha1(keys[direction])
        return keys

    def data(self, sender, receiver, text, tlv=b"", flags=0, last=False):
        """A data message, what its sender computed for it, and its receipt."""
        self.count += 1
        name = f"data {self.count}"
        if sender.our_keyid not in sender.ours:
            sender.ours[sender.our_keyid] = sender.exponent()
        ids = sender.our_keyid - 1, sender.their_keyid
        keys = self.pair(sender, *ids)
        sender.counters[ids] = sender.counters.get(ids, 0) + 1
        counter = struct.pack(">Q", sender.counters[ids])
        plaintext = text.encode() + b"\0" + tlv
        padding = -(len(plaintext) + 4) % 256
        plaintext += SHORT(0) + SHORT(padding) + bytes(padding)
        message = self.header(0x03, sender.tag, receiver.tag) + bytes([flags]) + INT(ids[0]) + INT(ids[1])
        message += MPI(pow(G, sender.ours[sender.our_keyid], P)) + counter + DATA(aes(keys["send"], counter, plaintext))
        revealed = sender.reveal
        if last:
            revealed = revealed + [k for pair, k in sorted(sender.verified.items())]
        sender.reveal = []
        self.show(name + " sending AES key", keys["send"])
        self.show(name + " sending MAC key", keys["send mac"])
        self.show(name + " extra symmetric key", keys["extra"])
        self.show(name + " revealed MAC keys", b"".join(revealed) or "-")
        self.wire(name, message + mac1(keys["send mac"], message) + DATA(b"".join(revealed)))

        received = self.pair(receiver, ids[1], ids[0])
        assert received["receive"] == keys["send"] and received["extra"] == keys["extra"]
        receiver.verified[ids[1], ids[0]] = keys["send mac"]

        def forget(theirs, keyid):
            for pair in [p for p in sorted(receiver.verified) if p[theirs] == keyid]:
                receiver.reveal.append(receiver.verified.pop(pair))

        our_latest, their_latest = ids[1] == receiver.our_keyid, ids[0] == receiver.their_keyid
        if our_latest:
            forget(0, receiver.our_keyid - 1)
            receiver.our_keyid += 1
        if their_latest:
            forget(1, receiver.their_keyid - 1)
            receiver.their_keyid += 1
            receiver.theirs[receiver.their_keyid] = pow(G, sender.ours[sender.our_keyid], P)

    # The Socialist Millionaires' Protocol, begun by Alice.

    def compare(self, question, secret):
        alice, bob = self.alice, self.bob
        x = sha256(b"\1" + alice.dsa.fingerprint + bob.dsa.fingerprint + self.ssid + secret.encode())
        self.show("smp secret", x)
        x = int.from_bytes(x, "big")
        H = lambda version, *values: int.from_bytes(sha256(bytes([version]) + b"".join(map(MPI, values))), "big")
        g = lambda e, base=G: pow(base, e, P)
        message = lambda *values: INT(len(values)) + b"".join(map(MPI, values))
        tlv = lambda kind, value: SHORT(kind) + SHORT(len(value)) + value

        a2, a3, r2, r3 = (alice.scalar() for _ in range(4))
        g2a, g3a = g(a2), g(a3)
        c2, c3 = H(1, g(r2)), H(2, g(r3))
        message1 = message(g2a, c2, (r2 - a2 * c2) % Q, g3a, c3, (r3 - a3 * c3) % Q)
        self.data(alice, bob, "", tlv(7, question.encode() + b"\0" + message1), flags=1)

        b2, b3, r2, r3, r4, r5, r6 = (bob.scalar() for _ in range(7))
        g2b, g3b = g(b2), g(b3)
        c2, c3 = H(3, g(r2)), H(4, g(r3))
        g2, g3 = g(b2, g2a), g(b3, g3a)
        Pb, Qb = g(r4, g3), g(r4) * g(x, g2) % P
        cP = H(5, g(r5, g3), g(r5) * g(r6, g2) % P)
        message2 = message(g2b, c2, (r2 - b2 * c2) % Q, g3b, c3, (r3 - b3 * c3) % Q, Pb, Qb, cP, (r5 - r4 * cP) % Q, (r6 - x * cP) % Q)
        self.data(bob, alice, "", tlv(3, message2), flags=1)

        assert g2 == g(a2, g2b) and g3 == g(a3, g3b)
        r4, r5, r6, r7 = (alice.scalar() for _ in range(4))
        Pa, Qa = g(r4, g3), g(r4) * g(x, g2) % P
        cP = H(6, g(r5, g3), g(r5) * g(r6, g2) % P)
        quotient = Qa * pow(Qb, -1, P) % P
        Ra, cR = g(a3, quotient), H(7, g(r7), g(r7, quotient))
        message3 = message(Pa, Qa, cP, (r5 - r4 * cP) % Q, (r6 - x * cP) % Q, Ra, cR, (r7 - a3 * cR) % Q)
        self.data(alice, bob, "", tlv(4, message3), flags=1)

        r7 = bob.scalar()
        Rb, cR = g(b3, quotient), H(8, g(r7), g(r7, quotient))
        assert g(b3, Ra) == Pa * pow(Pb, -1, P) % P == g(a3, Rb)
        self.data(bob, alice, "", tlv(5, message(Rb, cR, (r7 - b3 * cR) % Q)), flags=1)

    def run(self):
        alice, bob = self.alice, self.bob
        self.exchange()
        self.data(alice, bob, "hello")
        self.data(alice, bob, "the same keys again")
        self.data(bob, alice, "Привет")
        self.data(alice, bob, "", SHORT(8) + SHORT(4 + 4) + INT(0x12345678) + b"data", flags=1)
        self.data(bob, alice, "", SHORT(8) + SHORT(4) + INT(1), flags=1)
        self.data(alice, bob, "你好")
        self.compare("Who?", "the secret")
        self.data(bob, alice, "", SHORT(1) + SHORT(0), flags=1, last=True)


print("# Made by known.py.")
for name, party in (("alice", DSA("alice")), ("bob", DSA("last"))):
    show(f"{name} key", party.public + MPI(party.x))
    show(f"{name} fingerprint", party.fingerprint)
for version in (2, 3):
    print()
    Conversation(version).run()
