package otr_test

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

func BenchmarkAKE(b *testing.B) {
	otrtest.Key("alice")
	otrtest.Key("bob")
	for b.Loop() {
		encrypted(b, otr.PolicyManual)
	}
}

// BenchmarkMessage is a text from alice to bob, sealed and opened: one way, and with an answer each time, which
// changes the keys.
func BenchmarkMessage(b *testing.B) {
	for _, size := range []struct {
		name   string
		length int
	}{{"10", 10}, {"1k", 1 << 10}, {"64k", 64 << 10}} {
		text := strings.Repeat("x", size.length)
		b.Run("oneway-"+size.name, func(b *testing.B) {
			n, alice, _ := encrypted(b, otr.PolicyManual)
			b.ReportAllocs()
			for b.Loop() {
				say(b, n, alice, text)
			}
		})
		b.Run("pingpong-"+size.name, func(b *testing.B) {
			n, alice, bob := encrypted(b, otr.PolicyManual)
			b.ReportAllocs()
			for b.Loop() {
				say(b, n, alice, text)
				say(b, n, bob, text)
			}
		})
	}
}

// say sends a text and forgets all that was noted of it.
func say(b *testing.B, n *otrtest.Network, p *otrtest.Party, text string) {
	send(b, p, text)
	n.Run()
	n.Wire = nil
	for _, p := range append(n.Left, n.Right...) {
		p.Take()
	}
}

func BenchmarkSMP(b *testing.B) {
	n, alice, bob := encrypted(b, otr.PolicyManual)
	for b.Loop() {
		events, err := alice.StartSMP("", []byte("secret"))
		if err != nil {
			b.Fatal(err)
		}
		alice.Do(events)
		n.Run()
		events, err = bob.AnswerSMP(bob.Take()[0].(otr.SMPRequest).ID, []byte("secret"))
		if err != nil {
			b.Fatal(err)
		}
		bob.Do(events)
		n.Run()
		alice.Take()
		bob.Take()
		n.Wire = nil
	}
}

// BenchmarkRefuse is what it costs to refuse 1 KiB: of text that cannot be read, and of a message that is forged or
// was received before.
func BenchmarkRefuse(b *testing.B) {
	n, alice, bob := encrypted(b, otr.PolicyManual)
	send(b, bob, strings.Repeat("x", 500))
	replayed := bob.Packets[0].Body
	n.Run()
	forged := []byte(replayed)
	forged[500] ^= 1
	for name, body := range map[string]string{
		"garbage": "?OTR:AAMDgarbage" + strings.Repeat("garbage ", 128), "replayed": replayed, "forged": string(forged),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				alice.Receive(body)
			}
		})
	}
}
