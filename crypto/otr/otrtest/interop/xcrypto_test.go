package interop

import (
	"fmt"
	"strings"
	"testing"
)

// xkinds are conversations with golang.org/x/crypto/otr. Where it cuts messages into pieces, the sizes are such that the
// last piece is never empty: an encoded message has a length of 4n+2, and each piece takes 4n of it.
var xkinds = []kind{
	{"ours with x/crypto", [2]string{"ours", "xcrypto"}, 0, "2"},
	{"x/crypto with ours", [2]string{"xcrypto", "ours"}, 0, "2"},
	{"ours with x/crypto in fragments", [2]string{"ours", "xcrypto"}, 18 + 4*46, "2"},
	{"x/crypto with ours in fragments", [2]string{"xcrypto", "ours"}, 18 + 4*46, "2"},
	{"ours with x/crypto in large fragments", [2]string{"ours", "xcrypto"}, 18 + 4*250, "2"},
}

// TestInteropXCrypto: private conversations with golang.org/x/crypto/otr, whose author read the specification of version 2.
func TestInteropXCrypto(t *testing.T) {
	rounds := max(4, sessions(t)/50)
	for _, k := range xkinds {
		t.Run(k.name, func(t *testing.T) {
			for n := range rounds {
				a, b := talk(t, k)
				ends := []party{a, b}
				starter, ender := ends[n%2], ends[n/2%2]
				starter.goPrivate()
				for i := range 25 {
					a.says(a.text(i))
					b.says(b.text(i + 7))
				}
				for _, p := range ends {
					for i := range 25 {
						p.says(fmt.Sprint("in a row ", i))
					}
				}
				if n%4 == 0 {
					verifyXCrypto(a, b)
				}
				a.checkState("encrypted")
				b.checkState("encrypted")

				checkEnd(ender)
			}
		})
	}
	t.Logf("%d sessions, %d messages, %d runs of SMP", count.sessions, count.messages, count.smp)
}

// verifyXCrypto runs SMP from both ends.
func verifyXCrypto(a, b party) {
	for _, p := range []party{a, b} {
		p.verify("", "correct horse", "correct horse", "smp-success")
		p.verify("Where did we meet? 在哪里？", "Kraków", "Kraków", "smp-success")
		p.says("after a success")
		p.other().says("indeed")
	}
	for _, p := range []party{a, b} {
		p.pair.Clear()
		p.do("smp-start", Bytes("Kraków"), Bytes("Where did we meet?"))
		if _, aborted := p.seen().Event("smp-abort"); aborted { // x/crypto was still in the run that failed
			p.do("smp-start", Bytes("Kraków"), Bytes("Where did we meet?"))
		}
		p.other().expect("smp-ask-answer")
		p.other().do("smp-respond", Bytes("Krakow"))
		for _, q := range []party{p, p.other()} {
			q.expectNot("smp-success")
			if strings.Contains(q.name(), "ours") {
				q.expect("smp-failure")
			}
		}
		count.smp++
		p.says("after a failure")
		p.other().says("indeed")
	}
}

// TestXCryptoCrossing: both users ask at once.
func TestXCryptoCrossing(t *testing.T) {
	for _, k := range xkinds[:2] {
		crossCommits(t, k)
	}
}

// TestXCryptoRefresh: fresh keys in a live conversation, asked for by either end.
func TestXCryptoRefresh(t *testing.T) {
	for _, k := range xkinds[:4] {
		a, b := talk(t, k)
		a.goPrivate()
		for _, p := range []party{a, b, b, a} {
			checkSame(a, b)
			p.do("start")
			count.sessions++
		}
		checkSame(a, b)
	}
}
