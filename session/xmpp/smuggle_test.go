//go:build unix

package xmpp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

func TestSmugglingThroughProsody(t *testing.T) { smuggling(t, xmpptest.StartProsody(t, accounts)) }

// N-07: server and client read what a stranger wrote alike: as one stanza, from the stranger, with the one text, or not
// at all.
func smuggling(t *testing.T, p *xmpptest.Server) {
	type attempt struct {
		inside, want string // want "" when no text may be seen
		also         string // or this: a server may change what it hands on
	}
	body := func(text string) attempt { return attempt{inside: "<body>" + text + "</body>"} }
	var attempts []attempt
	// Characters of every length and kind, as they are and as references.
	for _, r := range []rune{0x9, 0x20, 0x7e, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xad, 0xff, 0x100, 0x300, 0x34f, 0x600, 0x61c, 0x7ff, 0x800,
		0x115f, 0x180e, 0x1fff, 0x200b, 0x200d, 0x200e, 0x202e, 0x2028, 0x2029, 0x2060, 0x2066, 0x20ac, 0x3000, 0xd7ff, 0xe000, 0xf8ff,
		0xfdd0, 0xfdef, 0xfe0f, 0xfeff, 0xfff9, 0xfffd, 0x10000, 0x1f512, 0x1f600, 0x1fffe, 0x1ffff, 0x2ffff, 0xe0001, 0xe0041, 0xfffff, 0x10fffd, 0x10ffff} {
		want := "a" + string(r) + "b"
		attempts = append(attempts, attempt{inside: "<body>a" + string(r) + "b</body>", want: want},
			attempt{inside: fmt.Sprintf("<body>a&#x%X;b</body>", r), want: want}, attempt{inside: fmt.Sprintf("<body>a&#%d;b</body>", r), want: want})
	}
	const second = "</body></message><message to='%[1]s' from='boss@sotto.test'><body>boss</body></message><message to='%[1]s'><body>"
	attempts = append(attempts, []attempt{
		{"<body><![CDATA[</body></message><message from='boss@sotto.test'>]]></body>", "</body></message><message from='boss@sotto.test'>", ""},
		{"<body>]]&gt;</body>", "]]>", ""},
		{"<body>&lt;/body&gt;&amp;lt;</body>", "</body>&lt;", ""},
		{"<body>&quot;&apos;</body>", "\"'", ""},
		{"<body>line\r\nend\rend</body>", "line\nend\nend", ""},
		{"<body>ref&#13;&#10;end</body>", "ref\r\nend", "ref\nend"},
		{"<q:body xmlns:q='jabber:client'>prefixed</q:body>", "prefixed", ""},
		{"<body xmlns='jabber:client'>declared</body>", "declared", ""},
		{"<body xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'>declared</body>", "declared", ""},
		{"<body>plain</body><x xmlns=''/>", "plain", ""},
		{"<body>plain</body><x xmlns='jabber:client' xmlns:jabber='jabber:server'><jabber:y/></x>", "plain", ""},
		{"<body>plain</body><a:x xmlns:a='urn:a' xmlns:b='urn:a' a:i='1' i='2'/>", "plain", ""},
		{"<body>plain</body><message xmlns='jabber:client' from='boss@sotto.test'><body>boss</body></message>", "plain", ""},
		{"<body>plain</body><é xmlns='urn:a'/><日本 xmlns='urn:a'/><a·b xmlns='urn:a'/><_ xmlns='urn:a'/>", "plain", ""},
		{"<body>plain</body><x xmlns='urn:&lt;a&gt;&quot;&apos;&amp;'/>", "plain", ""},
		{"<body>plain</body><x xmlns='urn:a' a='&#10;&#9;&lt;&quot;'/>", "plain", ""},
		{"<body>plain</body><x xmlns='urn:a'><![CDATA[<y>]]></x>", "plain", ""},
		{"<body xmlns='jabber:server'>other</body>", "", "other"},
		{"<body xmlns='jabber:client '>other</body>", "", ""},
		{"<body xmlns='JABBER:CLIENT'>other</body>", "", ""},
		{"<body xmlns=''>other</body>", "", ""},
		{"<body xmlns='jabber:client&#x200B;'>other</body>", "", ""},
		{"<BODY>other</BODY>", "", ""},
		{"<x xmlns='urn:a'><body xmlns='jabber:client'>inside</body></x>", "", ""},
		// What a server must not hand on.
		body("a\xc0\xafb"), body("a\xe0\x80\xafb"), body("a\xf0\x80\x80\xafb"), body("a\xed\xa0\x80b"), body("a\xed\xbf\xbfb"), body("a\xf4\x90\x80\x80b"),
		body("a\xf8\x88\x80\x80\x80b"), body("a\xfeb"), body("a\xffb"), body("a\x80b"), body("a\xc3"), body("a\xe2\x82b"), body("a\xc3(b"),
		body("a\x00b"), body("a\x01b"), body("a\x1bb"), body("a\x0cb"), body("a\xef\xbf\xbeb"), body("a\xef\xbf\xbfb"),
		body("a&#0;b"), body("a&#1;b"), body("a&#xFFFE;b"), body("a&#xD800;b"), body("a&#x110000;b"), body("a&#-1;b"), body("a&#x;b"), body("a&nbsp;b"), body("a&b"),
		{"<body>a<!-- b -->c</body>", "", "ac"}, {"<body>a<?b c?>d</body>", "", "ad"}, body("<!DOCTYPE a>"), body("a]]>b"), body("<a:b>c</a:b>"),
		{"<body a='1' a='2'>x</body>", "", ""}, {"<body xmlns:a='u' xmlns:b='u' a:c='1' b:c='2'>x</body>", "", ""}, {"<body xmlns:xmlns='u'>x</body>", "", ""},
		{"<body xmlns:xml='u'>x</body>", "", ""}, {"<body a=b>x</body>", "", ""}, {"<body a='<'>x</body>", "", ""}, {"<body>x</BODY>", "", ""},
	}...)
	alice, mallory := connect(t, config(p, "alice")), connect(t, config(p, "mallory"))
	to := alice.JID().String()
	attempts = append(attempts, attempt{"<body>first" + fmt.Sprintf(second, to) + "third</body>", "first|boss|third", "first"}) // boss is not mallory
	refused, exact := 0, 0
	for i, a := range attempts {
		events, after := through(t, p, alice, mallory, "<message type='chat' to='"+to+"'>"+a.inside+"</message>", fmt.Sprintf("end of %d", i))
		if after != mallory {
			refused++
		}
		var texts []string
		for _, e := range events {
			switch e := e.(type) {
			case *Message:
				if !e.From.Equal(mallory.JID()) {
					t.Errorf("%q: a message from %s", a.inside, e.From)
				}
				if e.Body != "" {
					texts = append(texts, e.Body)
				}
			case *Presence:
				if !e.From.Bare().Equal(alice.JID().Bare()) && !e.From.Equal(mallory.JID()) {
					t.Errorf("%q: a presence from %s", a.inside, e.From)
				}
			default:
				t.Errorf("%q: %#v", a.inside, e)
			}
		}
		mallory = after
		got := strings.Join(texts, "|")
		switch {
		case got == a.want, got == a.also:
			exact++
		case got != "":
			t.Errorf("%q reads as %q, want %q or nothing", a.inside, got, a.want)
		}
	}
	t.Logf("%s: %d attempts, %d as meant, %d ended the sender's stream, none ours", p.Name, len(attempts), exact, refused)
}
