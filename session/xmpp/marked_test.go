package xmpp

import "testing"

// Any one word about what a message is, or where copies of it do not belong, is a mark; words of others are none.
func TestMarked(t *testing.T) {
	for inside, want := range map[string]bool{
		"": false,
		"<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:otr:0'/>":   true,
		"<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>": false,
		"<private xmlns='urn:xmpp:carbons:2'/>":                             true,
		"<no-copy xmlns='urn:xmpp:hints'/>":                                 true,
		"<no-store xmlns='urn:xmpp:hints'/>":                                true,
		"<no-permanent-store xmlns='urn:xmpp:hints'/>":                      true,
		"<store xmlns='urn:xmpp:hints'/>":                                   false,
		"<no-copy xmlns='urn:evil'/>":                                       false,
	} {
		c, _ := saying(t, "<message from='bob@h.test/r' type='chat'><body>x</body>"+inside+"</message>"+mark)
		found := 0
		for _, e := range untilMark(t, c) {
			if m, ok := e.(*Message); ok {
				found++
				if m.Marked != want {
					t.Errorf("%s: %v", inside, m.Marked)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s: %d messages", inside, found)
		}
	}
}
